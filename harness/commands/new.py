"""Files to begin with: of an optimizer of your own, from its class's signature, or of a workload.

    harness new optimizer NAME --class IMPORT.PATH [--workload NAME …] [--argument NAME=VALUE …]
    harness new workload NAME

An optimizer is two files in DIR, optimizer/NAME.yaml and search_space/WORKLOAD/NAME.yaml, with a range by
convention for each hyperparameter and why; a workload is a module NAME.py here, its configuration, and
search spaces of the six optimizers of the paper. They run as they are. Nothing is written over; beside
a definition of the same class only the search spaces are written.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.commands.parsing import Parser
from harness.errors import EXIT_COMPLETE, ConfigError, unknown

KINDS = ("optimizer", "workload")


def main(arguments: Sequence[str]) -> int:
    given = _parser().parse_intermixed_args(arguments)
    if given.kind not in KINDS:
        raise unknown("harness new", given.kind, KINDS, "such as harness new workload mine")
    if not re.fullmatch(r"[A-Za-z]\w*", given.name):
        raise ConfigError(f"a name is a word, got {given.name!r}; such as mine")
    folder = Path(given.config_dir)
    if given.kind == "workload":
        if given.path or given.workload or given.argument:
            raise ConfigError("--class, --workload and --argument are for an optimizer")
        from harness.commands import new_workload

        files = new_workload.files(given.name, folder)
        then = [f"check workload={given.name}", f"-m workload={given.name} optimizer=sgd,adam"]
    else:
        from harness.commands import new_optimizer

        asked = new_optimizer.Asked(
            given.name, given.path, _split(given.workload) or ["digits_cnn"], given.argument or []
        )
        files, words = new_optimizer.files(asked, folder)
        beside = " ".join([f"optimizer={given.name}", f"workload={asked.workloads[0]}", *words])
        then = [f"check {beside}", f"{beside} num_trials=16"]
    _write(files)
    for line in then:
        verb = "check " if line.startswith("check ") else ""
        print(f"harness {verb}--config-dir {shlex.quote(str(folder))} {line.removeprefix(verb)}")
    return EXIT_COMPLETE


def _parser() -> Parser:
    parser = Parser("new", __doc__)
    add = parser.add_argument
    add("kind", metavar="optimizer|workload", help="what to begin")
    add("name", metavar="NAME", help="its name, a word")
    add("--class", dest="path", metavar="PATH", help="of an optimizer, such as my_module.Mine")
    add("--workload", action="append", metavar="NAME", help="to search it on (digits_cnn)")
    add("--argument", action="append", metavar="NAME=VALUE", help="of the class, not searched")
    add("--config-dir", metavar="DIR", default="my_conf", help="where to write it (my_conf)")
    return parser


def _split(words: Sequence[str] | None) -> list[str]:
    return [name for word in words or () for name in word.split(",") if name]


def _write(files: Mapping[Path, str]) -> None:
    """All of them, or none where one is there.

    Raises:
        ConfigError: one is there.
        SweepError: one can't be written.
    """
    from harness.records.files import write_named

    there = [path for path in files if path.exists()]
    if there:
        raise ConfigError(
            f"{there[0]} is there already, and nothing is written over; give another name or"
            " --config-dir"
        )
    for path, text in files.items():
        write_named(path, text)
        print(path)
