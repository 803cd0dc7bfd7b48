"""From command-line words to composed configurations: what Hydra does, and how it is told."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.config import shipped
from harness.errors import ConfigError, SweepError
from harness.running.saying import tell

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from harness.config.build import Job

STUDY_PARTS = ("workload", "model", "data", "optimizer", "schedule", "search_space")
TEXTS = ("root", "report", "data.root", "data.cache", "data.file")  # taken as they are typed
PRINTING = ("--cfg", "-c", "--info", "-i", "--shell-completion", "-sc", "--hydra-help")
CONFIG_DIR = ("--config-dir", "-cd")


def compose(words: Sequence[str]) -> list[Job]:
    """The jobs that command-line words stand for; one, or under -m one a combination.

    None where the words ask for something to be printed.

    Raises:
        ConfigError: words that cannot be composed or describe no study, beside what Hydra raises.
    """
    from hydra.core.hydra_config import HydraConfig

    from harness.config.search_path import stand_ins

    jobs: list[Job] = []
    used: set[str] = set()
    repeated, own = tuple(_config_dir_flags(words)), config_dir(words)

    def collect(composed: DictConfig) -> None:
        _check_search_space(composed, own)
        if own is not None:
            used.update(stand_ins(own, HydraConfig.get().runtime.choices))
        jobs.append((composed, (*repeated, *_overrides())))

    basic = ["hydra/launcher=basic"] if launches_elsewhere(words) else []
    try:
        _hydra([*words, *basic], collect)
    except Exception as error:
        raise _told(error, own) from error
    for name in sorted(used):
        tell(f"{own}/{name} stands in for the shipped file of that name")
    if not jobs and not any(word.split("=")[0] in PRINTING for word in words):
        raise ConfigError(
            f"{' '.join(words)}: describes no study, as a sweep over nothing; mend the pattern or range"
        )
    return jobs


def launches_elsewhere(words: Sequence[str]) -> bool:
    """Whether Hydra's jobs are run by a launcher that starts processes of its own (submitit, joblib)."""
    return any(
        word.startswith("hydra/launcher=") and word != "hydra/launcher=basic" for word in words
    )


def launch(words: Sequence[str], run: Callable[[Job], int]) -> None:
    """Have Hydra's launcher run each of the jobs.

    Raises:
        SweepError: a job did not end well.
    """
    repeated = tuple(_config_dir_flags(words))

    def job(composed: DictConfig) -> None:
        if status := run((composed, (*repeated, *_overrides()))):
            # Raised, as a launcher hears of nothing else.
            raise SweepError(f"{composed.workload.name}/{composed.optimizer.name}: status {status}")

    _hydra(words, job)


def _hydra(words: Sequence[str], task: Callable[[DictConfig], None]) -> None:
    import hydra

    from harness.config import schema
    from harness.config.search_path import own_files_first

    os.environ["HYDRA_FULL_ERROR"] = "1"  # exceptions reach us, instead of Hydra's own printing
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())  # a user's own optimizer or workload, in the current folder
    schema.register()
    before = sys.argv
    sys.argv = [sys.argv[0], *as_hydra_takes_them(words)]
    main = hydra.main(version_base="1.3", config_path="pkg://harness.conf", config_name="config")
    try:
        with own_files_first(config_dir(words)):
            main(task)()
    finally:
        sys.argv = before


def _told(error: Exception, own: Path | None) -> Exception:
    """An error of composing as one that the command line can say in one line."""
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    if isinstance(error, HydraException | OmegaConfBaseException | ConfigError):
        return error
    if isinstance(error, UnicodeDecodeError):
        return ConfigError(f"{_not_utf8(own)} is not UTF-8 text ({error.reason}); save it as UTF-8")
    # Hydra's parsing raises whatever it meets.
    return ConfigError(f"these overrides cannot be composed: {error}")


def _not_utf8(own: Path | None) -> str:
    for path in sorted(own.rglob("*.yaml")) if own else ():
        try:
            path.read_bytes().decode("utf-8")
        except UnicodeDecodeError:
            return str(path)
    return "a configuration file"


def _overrides() -> tuple[str, ...]:
    from hydra.core.hydra_config import HydraConfig
    from omegaconf import OmegaConf

    typed = OmegaConf.to_container(HydraConfig.get().overrides.task, resolve=False)
    return tuple(map(str, typed or ()))  # not resolved: seed=${first_trial} stays as it is


def _check_search_space(composed: DictConfig, own: Path | None) -> None:
    """A pair without a search space composes (its file is optional, so that -m can), and stops here."""
    from omegaconf import OmegaConf

    if not OmegaConf.is_missing(composed, "search_space"):
        return
    from hydra.core.hydra_config import HydraConfig

    name = str(HydraConfig.get().runtime.choices.get("search_space@search_space"))
    pair, _, optimizer = name.rpartition("/")
    folders = [folder / "search_space" / pair for folder in (own, shipped.folder()) if folder]
    known = sorted({path.stem for folder in folders for path in folder.glob("*.yaml")})
    others = f", or name another, such as search_space={pair}/{known[0]}" if known else ""
    raise ConfigError(
        f"{pair or 'this workload'} has no search space for optimizer {optimizer!r}: write"
        f" conf/search_space/{name}.yaml (--config-dir conf){others}"
    )


# --- words ------------------------------------------------------------------------------------


def config_dir(words: Sequence[str]) -> Path | None:
    """The folder that --config-dir names."""
    flags = _config_dir_flags(words)
    return Path(flags[-1]) if flags else None


def _config_dir_flags(words: Sequence[str]) -> list[str]:
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word in CONFIG_DIR:
            return ["--config-dir", following]
        if word.split("=")[0] in CONFIG_DIR:
            return ["--config-dir", word.partition("=")[2]]
    return []


def as_hydra_takes_them(words: Sequence[str]) -> list[str]:
    """The words with what a user wrote kept as written, in the order and form that Hydra takes.

    -m and --multirun before all overrides: Hydra takes them only there or last (hydra #3053).
    trial=0-3,7 as a list, unless -m makes it a sweep of jobs. Under -m Hydra first composes what is
    not swept with the defaults for what is, so search_space.lr.high=1 would be looked for in Adam's
    space whatever the optimizers: what depends on other choices is a sweep over one value.
    """
    flags = [word for word in words if word in ("-m", "--multirun")]
    rest = [_quoted(_whole_axis(word)) for word in words if word not in flags]
    if flags:
        rest = [_swept(word) for word in rest]
    else:
        rest = [re.sub(r"^trial=([0-9,-]*,[0-9,-]*)$", r"trial=[\1]", word) for word in rest]
    return flags + rest


def _quoted(word: str) -> str:
    """A path as text whatever it looks like: 2024_11_05 is no number, ü and ~ are no syntax."""
    key, equals, value = word.partition("=")
    if key not in TEXTS or not value or value[0] in "'\"" or value == "null":
        return word
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"{key}{equals}'{escaped}'"


def _whole_axis(word: str) -> str:
    """search_space.lr={choices: [...]} takes the place of the axis, whatever it was."""
    match = re.fullmatch(r"(search_space|schedule)\.(\w+)=\{(.*)\}", word, re.S)
    if not match:
        return word
    part, name, inside = match.groups()
    rest = [
        key for key in ("low", "high", "scale", "choices") if not re.search(rf"\b{key}\s*:", inside)
    ]
    nothing = ", ".join(f"{key}: null" for key in rest)
    return f"++{part}.{name}={{{inside}, {nothing}}}" if inside.strip() else word


def _swept(word: str) -> str:
    """An override of a part of the study as a sweep over its one value; any other word as it is."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import OverrideParseException

    key, equals, value = word.partition("=")
    if not value or key.lstrip("+").split(".")[0] not in STUDY_PARTS:
        return word
    sweep = f"{key}{equals}choice({value})"
    try:
        parse: Any = OverridesParser.create().parse_override
        if parse(word).is_sweep_override():
            return word
        parse(sweep)  # not every value can be one of a choice
        return sweep
    except OverrideParseException:
        return word  # Hydra says what is wrong with it, or takes it as it is
