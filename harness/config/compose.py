"""From command-line words to composed configurations: what Hydra does, and how it is told."""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.config.composed_once import MULTIRUN, composed_once
from harness.errors import EXIT_USAGE, ConfigError, SweepError
from harness.running.saying import tell
from harness.study.space import KEYS

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from harness.config.build import Job

STUDY_PARTS = ("workload", "model", "data", "optimizer", "schedule", "search_space")
QUOTED = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""", re.S)
TEXTS = (
    "root",
    "report",
    "data.root",
    "data.cache",
    "data.file",
    "order.scores",
)  # taken as they are typed
PRINTING = ("--cfg", "-c", "--info", "-i", "--shell-completion", "-sc", "--hydra-help")
CONFIG_DIR = ("--config-dir", "-cd")
VALUED = (
    *CONFIG_DIR, "--config-name", "-cn", "--config-path", "-cp", "--cfg", "-c", "--info", "-i",
    "--package", "-p", "--experimental-rerun",
)  # fmt: skip
"""Hydra's flags that are followed by their value."""


def compose(words: Sequence[str]) -> list[Job]:
    """The jobs that command-line words stand for; one, or under -m one a combination.

    None where the words ask for something to be printed.

    Raises:
        ConfigError: words that cannot be composed or describe no study, beside what Hydra raises.
    """
    from hydra.core.hydra_config import HydraConfig
    from omegaconf import OmegaConf

    from harness.config import missing_space
    from harness.config.search_path import stand_ins

    jobs: list[Job] = []
    used: set[str] = set()
    without: list[str] = []
    repeated, own = tuple(_config_dir_flags(words)), config_dir(words)

    def collect(composed: DictConfig) -> None:
        choices = HydraConfig.get().runtime.choices
        if OmegaConf.is_missing(composed, "search_space"):
            without.append(str(choices.get("search_space")))  # raised here, Hydra would add a line
        if own is not None:
            used.update(stand_ins(own, choices))
        jobs.append((composed, (*repeated, *_overrides())))

    here = [word for word in words if not re.match(r"\+*hydra[/.](launcher|sweep)\b", word)]
    if any(word in MULTIRUN for word in here):
        here = [_trials_at_once(word) for word in here]
    try:
        with _notes_nowhere(words) as nowhere, _usage_in_one_line():
            _hydra([*nowhere, *here], collect)
    except Exception as error:
        told = _told(error, own)
        if told is error:  # with its own cause
            raise
        raise told from error
    if without:
        raise missing_space.error(without[0], own)
    for name in sorted(used):
        tell(f"{own}/{name} stands in for the shipped file of that name")
    if not jobs and not _prints(words):
        raise ConfigError(
            f"{' '.join(words)}: describes no study, as a sweep over nothing; mend the pattern or range"
        )
    return jobs


@contextlib.contextmanager
def _notes_nowhere(words: Sequence[str]) -> Iterator[list[str]]:
    """The overrides with which Hydra's notes on a sweep leave no trace: it may yet be refused."""
    with contextlib.ExitStack() as stack:
        folder = ""
        if not _prints(words):
            with contextlib.suppress(OSError):  # no room anywhere
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="harness-"))
        yield [sweeps_into(folder)] if folder else []


@contextlib.contextmanager
def _usage_in_one_line() -> Iterator[None]:
    """A flag that Hydra's argparse does not take as a mistake like any other."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            yield
    except SystemExit as ended:
        mistake = said.getvalue().rpartition("error: ")[2].strip()
        if ended.code != EXIT_USAGE or not mistake:
            raise
        said = io.StringIO()
        raise ConfigError(f"{mistake}; harness --hydra-help lists the flags") from None
    finally:
        with contextlib.suppress(OSError):  # nobody reads it, or a full disk
            print(said.getvalue(), end="", file=sys.stderr, flush=True)


def _prints(words: Sequence[str]) -> bool:
    return any(word.split("=")[0] in PRINTING for word in words)


def sweeps_into(folder: str) -> str:
    """The override that has Hydra keep its notes on a sweep there."""
    return f"hydra.sweep.dir={_as_text(folder)}"


def launches_elsewhere(words: Sequence[str]) -> bool:
    """Whether Hydra's jobs are run by a launcher that starts processes of its own (submitit, joblib)."""
    return any(
        word.startswith("hydra/launcher=") and word != "hydra/launcher=basic" for word in words
    )


def launch(words: Sequence[str], run: Callable[[Job], int], root: str) -> None:
    """Have Hydra's launcher run each of the jobs, its notes under the root.

    Raises:
        SweepError: a job did not end well.
    """
    repeated = tuple(_config_dir_flags(words))

    def job(composed: DictConfig) -> None:
        if status := run((composed, (*repeated, *_overrides()))):
            # Raised, as a launcher hears of nothing else.
            raise SweepError(f"{composed.workload.name}/{composed.optimizer.name}: status {status}")

    told = any(re.match(r"\+*hydra\.sweep\.dir=", word) for word in words)
    _hydra([*words, *([] if told else [sweeps_into(os.path.join(root, ".hydra"))])], job)


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
        with own_files_first(own := config_dir(words)), composed_once(words, own):
            main(task)()
    finally:
        sys.argv = before


def _told(error: Exception, own: Path | None) -> Exception:
    """An error of composing as one that the command line can say in one line."""
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    named = not str(error).lstrip().startswith(":")  # with what it is about
    if isinstance(error, HydraException | ConfigError) and named:
        return error
    if found := _unreadable(own):  # whatever was said of it, without its name
        return ConfigError(found)
    if isinstance(error, HydraException | OmegaConfBaseException):
        return error
    if isinstance(error, OSError) and error.errno and not error.filename:  # of what is printed to
        return error
    # Hydra's parsing raises whatever it meets.
    what = str(error)[:300] or type(error).__name__
    return ConfigError(f"this cannot be composed: {what}; mend the words or the files")


def _unreadable(own: Path | None) -> str:
    """What is wrong with the first of a user's files that cannot be read; empty where all can."""
    from omegaconf import OmegaConf

    for path in sorted(own.rglob("*.yaml")) if own else ():
        try:
            OmegaConf.load(path)
        except UnicodeDecodeError as error:
            return f"{path} is not UTF-8 text ({error.reason}); save it as UTF-8"
        except Exception as error:  # of YAML's own, of OmegaConf's, for being nested too deeply
            told = str(error).replace(f'"{path}", ', "").partition("full_key")[0].strip(" :\n")
            return f"{path} does not hold settings by name ({told[:200]}); mend it"
    return ""


def _overrides() -> tuple[str, ...]:
    from hydra.core.hydra_config import HydraConfig
    from omegaconf import OmegaConf

    typed = OmegaConf.to_container(HydraConfig.get().overrides.task, resolve=False)
    return tuple(map(str, typed or ()))  # not resolved: seed=${first_trial} stays as it is


# --- words ------------------------------------------------------------------------------------


def config_dir(words: Sequence[str]) -> Path | None:
    """The folder that --config-dir names."""
    flags = _config_dir_flags(words)
    return Path(flags[-1]) if flags else None


def _config_dir_flags(words: Sequence[str]) -> list[str]:
    found: list[str] = []
    for word, following in zip(words, [*words, ""][1:], strict=True):  # the last one, as Hydra does
        if word in CONFIG_DIR:
            found = ["--config-dir", following]
        elif word.split("=")[0] in CONFIG_DIR:
            found = ["--config-dir", word.partition("=")[2]]
    return found


def as_hydra_takes_them(words: Sequence[str]) -> list[str]:
    """The words with what a user wrote kept as written, in the order and form that Hydra takes.

    -m and --multirun before all overrides: Hydra takes them only there or last (hydra #3053).
    All other flags behind them, wherever they stood.
    trial=0-3,7 as a list, unless -m makes it a sweep of jobs. Under -m Hydra first composes what is
    not swept with the defaults for what is, so search_space.lr.high=1 would be looked for in Adam's
    space whatever the optimizers: what depends on other choices is a sweep over one value.
    """
    flags = [word for word in words if word in MULTIRUN]
    rest = _in_one_piece([word for word in words if word not in flags])
    rest = [_quoted(_whole_axis(word)) for word in rest]
    if flags:
        rest = [_swept(word) for word in rest]
    else:
        rest = [re.sub(r"^trial=([0-9,-]*,[0-9,-]*)$", r"trial='\1'", word) for word in rest]
    return flags + rest


def _in_one_piece(words: Sequence[str]) -> list[str]:
    """Overrides, then flags with their values: argparse wants all overrides side by side."""
    overrides: list[str] = []
    flags: list[str] = []
    for before, word in zip(["", *words], words, strict=False):
        (flags if word.startswith("-") or before in VALUED else overrides).append(word)
    return overrides + flags


def _quoted(word: str) -> str:
    """A path as text whatever it looks like: 2024_11_05 is no number, ü and ~ are no syntax."""
    key, equals, value = word.partition("=")
    kept = QUOTED.fullmatch(value) or (value == "null" and key != "root")
    return word if key not in TEXTS or not value or kept else f"{key}{equals}{_as_text(value)}"


def _as_text(value: str) -> str:
    """A value that Hydra's grammar takes for this text."""
    from hydra.core.override_parser.types import Quote, QuotedString

    return str(QuotedString(value, Quote.single).with_quotes())


def _whole_axis(word: str) -> str:
    """search_space.lr={choices: [...]} takes the place of the axis, whatever it was."""
    one = r"\{(?:[^{}]*:[^{}]*|\s*)\}"
    match = re.fullmatch(rf"\+*((?:search_space|schedule)\.[\w.]+)=({one}(?:\s*,\s*{one})*)", word)
    return f"++{match[1]}={re.sub(one, _complete, match[2])}" if match else word


def _complete(axis: re.Match[str]) -> str:
    """An axis with all its keys, null for those that are not given."""
    rest = [key for key in KEYS if not re.search(rf"\b{key}\s*:", axis[0])]
    given = axis[0][1:-1].strip()
    return "{" + ", ".join([*([given] if given else []), *(f"{key}: null" for key in rest)]) + "}"


def _trials_at_once(word: str) -> str:
    """trial=range(0,1000), under -m a job each, as the list that one job runs: a thousand are composed
    in a minute or two, and ask for the same trials of the same studies."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    if not word.startswith("trial="):
        return word
    try:
        parse: Any = OverridesParser.create().parse_override
        parsed = parse(word)
    except HydraException:
        return word  # it is said when it is composed
    if not (parsed.is_range_sweep() or parsed.is_choice_sweep()):
        return word
    return f"trial='{','.join(map(str, parsed.sweep_iterator()))}'"


def _swept(word: str) -> str:
    """An override of a part of the study as a sweep over its one value; any other word as it is."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import OverrideParseException

    key, equals, value = word.partition("=")
    if value in ("", "null") or key.lstrip("+").split(".")[0] not in STUDY_PARTS:
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
