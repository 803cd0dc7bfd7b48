"""One file from which a colleague repeats any trial to the bit: records, configurations, own code.

    harness bundle ROOT [--out FILE.zip]

The zip holds the records and resolved studies of a results folder, your own code and YAML that they were
trained with, the versions of all packages, the command of every study and the checksums of it all.
Unpacked into an empty folder, its README says how a trial is repeated. Data are not in it; their checksums
are. Code that was edited since is refused: it would repeat something else.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.commands.parsing import Parser
from harness.errors import EXIT_COMPLETE, ConfigError

if TYPE_CHECKING:
    from harness.study.study import Study

RESULTS = "results"
README = """\
# {name}

{count} of {trials}. To check that all of it is as it was: `sha256sum -c SHA256SUMS`.

`results/` holds records and resolved studies, {own}
`versions.json` what trained them, `requirements.txt` the packages here. Install those (Python {python}), and
in this folder repeat any trial into another root; its record is the same but for `run`, to the bit on the
same kind of processor:

```sh
{first}
```

The same for every study, with the number of trials it has:

```sh
{commands}
```

`harness report results` says what they say. Data are not in this folder: each record names theirs and its
SHA-256, and a run looks for them as `harness` does anywhere.
"""


def main(arguments: Sequence[str]) -> int:
    given = _parser().parse_args(arguments)
    root = Path(given.root)
    out = Path(given.out or f"{root.resolve().name}.zip")
    if out.suffix != ".zip":
        raise ConfigError(f"--out {out} is not a .zip; name a file such as {root.name}.zip")

    from harness.records import bundle

    contents, count = _contents(root, out.stem)
    bundle.write(out, contents)
    size = out.stat().st_size
    print(f"{out}: {count}, {len(contents)} files, {size / 2**20:.1f} MiB")
    return EXIT_COMPLETE


def _parser() -> Parser:
    parser = Parser("bundle", __doc__)
    parser.add_argument("root", metavar="ROOT", help="a results folder")
    parser.add_argument("--out", metavar="FILE.zip", help="the file (ROOT's name, here)")
    return parser


def _contents(root: Path, name: str) -> tuple[dict[str, bytes | Path], str]:
    """All files of the bundle by their place in it, and what is in it in words.

    Raises:
        ConfigError: no study here, a record that cannot be trusted, own files that are gone or edited.
    """
    from harness.commands.own_code import files, on_the_path
    from harness.records.bundle import study_files
    from harness.records.reading import read_records, read_studies
    from harness.study.study import Study

    studies = {
        fingerprint: Study(
            {key: value for key, value in node.items() if key != "overrides"},
            tuple(node.get("overrides", ())),
        )
        for fingerprint, node in read_studies(root).items()
    }
    records = list(read_records(root))  # all of them checked
    if not records:
        raise ConfigError(f"{root} holds no records; give a results folder")
    on_the_path(Path.cwd())
    contents: dict[str, bytes | Path] = {f"{RESULTS}/{n}": p for n, p in study_files(root)}
    folders: dict[str, str] = {}
    for study in studies.values():
        contents |= files(study.config, study.name)
        contents |= _own_yaml(study, folders)
    commands = {name: _command(study, folders) for name, study in studies.items()}
    trials = {name: [r["trial"] for r in records if r["study"] == name] for name in studies}
    own = sorted(path for path in contents if not path.startswith(f"{RESULTS}/"))
    some = next(name for name in studies if trials[name])
    words = {
        "name": name,
        "count": _count(len(records), "trial"),
        "trials": _count(len(studies), "study").replace("studys", "studies"),
        "own": f"{', '.join(own[:8])}{' …' if own[8:] else ''} their own code and YAML,"
        if own
        else "",
        "python": _python(),
        "first": f"{commands[some]} trial={trials[some][0]} root=again",
        "commands": "\n".join(
            f"{command} trial={_span(trials[fingerprint])} root=again"
            for fingerprint, command in commands.items()
            if trials[fingerprint]
        ),
    }
    contents["README.md"] = README.format(**words).encode()
    contents["versions.json"] = _versions(records)
    contents["requirements.txt"] = _requirements()
    return contents, f"{words['count']} of {words['trials']}"


def _own_yaml(study: Study, folders: dict[str, str]) -> dict[str, bytes | Path]:
    """The YAML files of a study's --config-dir, under a name of its own in the bundle.

    Raises:
        ConfigError: the folder is gone.
    """
    from harness.config.compose import config_dir

    folder = config_dir(study.overrides)
    if folder is None:
        return {}
    if not folder.is_dir():
        raise ConfigError(
            f"{study.name} was composed with --config-dir {folder}, which is not here; run from the folder"
            " that the study was started in"
        )
    name = folders.setdefault(str(folder), "conf" if not folders else f"conf_{len(folders) + 1}")
    return {
        f"{name}/{path.relative_to(folder).as_posix()}": path
        for path in sorted(folder.rglob("*.yaml"))
    }


def _command(study: Study, folders: Mapping[str, str]) -> str:
    """What composes the study again in the unpacked folder."""
    from harness.config.compose import config_dir
    from harness.study.study import portable

    words = portable(study.overrides)
    folder = config_dir(words)
    if folder is not None:
        place = words.index("--config-dir")
        words[place : place + 2] = ["--config-dir", folders[str(folder)]]
    return shlex.join(["harness", *words])


def _span(trials: Sequence[int]) -> str:
    from harness.study import indices

    return indices.to_text(sorted(trials))


def _versions(records: Sequence[Mapping[str, Any]]) -> bytes:
    """What trained the records, each set of versions once with how many it trained."""
    keys = ("code_version", "versions", "processor", "device")
    counted: dict[str, int] = {}
    for record in records:
        facts = json.dumps({key: record["run"].get(key) for key in keys}, sort_keys=True)
        counted[facts] = counted.get(facts, 0) + 1
    node = [{**json.loads(facts), "trials": count} for facts, count in counted.items()]
    return (json.dumps(node, indent=1) + "\n").encode()


def _requirements() -> bytes:
    """The packages that are installed here, as pip takes them; what is no release as a comment."""
    from importlib import metadata

    lines = set()
    for each in metadata.distributions():
        line = f"{each.metadata['Name']}=={each.version}"
        direct = each.read_text("direct_url.json")  # from a checkout or an address
        lines.add(f"# {line} (not from an index)" if direct else line)
    return ("\n".join(sorted(lines)) + "\n").encode()


def _python() -> str:
    import platform

    return platform.python_version()


def _count(number: int, noun: str) -> str:
    """A number with its noun.

    >>> _count(1, "trial"), _count(3, "trial")
    ('1 trial', '3 trials')
    """
    return f"{number} {noun}" + ("" if number == 1 else "s")
