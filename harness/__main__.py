"""The command line: compose configurations with Hydra, check them all, then run their trials.

python -m harness workload=digits_cnn optimizer=adam num_trials=16
python -m harness -m optimizer=sgd,adam
python -m harness experiment=quickstart
"""

from __future__ import annotations

import difflib
import os
import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from harness.running import interruption as requeue

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from harness.running.trial_queue import Request

EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 1, 2, 130


def main() -> None:
    """Entry point of ``python -m harness`` and of the ``harness`` console script."""
    sys.exit(command(sys.argv[1:]))


def command(arguments: Sequence[str]) -> int:
    """Run one command and return its exit status; a mistake in it is one line on stderr and a 2."""
    requeue.when_told()
    try:
        jobs = compose(arguments, run_elsewhere=True)
        return _run(jobs) if jobs else 0
    except KeyboardInterrupt:
        return _say("interrupted", EXIT_INTERRUPTED)
    except Exception as error:
        return refuse(error)


Job = tuple[Any, tuple[str, ...]]
"""A composed configuration and the overrides that compose it again."""


def compose(arguments: Sequence[str], run_elsewhere: bool = False) -> list[Job]:
    """The jobs that command-line words stand for; one, or under -m one a combination.

    With ``run_elsewhere`` the jobs of a launcher that starts processes of its own (submitit,
    joblib) are run by those, and none are left to us.

    Raises:
        ConfigError: words that cannot be composed, beside what Hydra raises.
        SweepError: a job that a launcher ran did not end well.
    """
    # Imported here: a spawned worker imports this module again and needs none of it.
    import hydra
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    from harness.config import build as config
    from harness.errors import ConfigError, SweepError

    os.environ["HYDRA_FULL_ERROR"] = "1"  # exceptions reach us, instead of Hydra's own printing
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())  # a user's own optimizer or workload, in the current folder
    config.register()
    collected: list[Job] = []

    @hydra.main(version_base="1.3", config_path="pkg://harness.conf", config_name="config")
    def job(composed: DictConfig) -> None:
        if _launched_here() or not run_elsewhere:
            collected.append((composed, _overrides()))
        elif status := _run_one((composed, _overrides())):
            # Raised, as a launcher hears of nothing else.
            raise SweepError(f"{composed.workload.name}/{composed.optimizer.name}: status {status}")

    before = sys.argv
    sys.argv = [sys.argv[0], *_as_hydra_takes_them(arguments)]
    try:
        job()
    except (HydraException, OmegaConfBaseException, SweepError):
        raise
    except Exception as error:  # Hydra's parsing raises whatever it meets: our jobs don't
        raise ConfigError(f"these overrides cannot be composed: {error}") from error
    finally:
        sys.argv = before
    return collected


def _run(jobs: Sequence[Job]) -> int:
    """Check every composed configuration, then run their trials in one pool."""
    from harness.config import build as config
    from harness.running import runner
    from harness.running.progress import tell

    requests = [config.request(each, config.study(each, words), words) for each, words in jobs]
    first = jobs[0][0]
    if first.report:
        _check_comparable(requests)
    status = runner.run(requests, config.common_options([each for each, _ in jobs]))
    if status > runner.EXIT_SIGNAL:
        requeue.after(status - runner.EXIT_SIGNAL)
    elif first.report:
        from harness.report.comparison import write_report

        # The root may hold older studies of the same pair: a search space edited since, say.
        asked_for = [request.study.fingerprint for request in requests]
        roots = list(dict.fromkeys(request.root for request in requests))
        write_report(roots, first.report, study=asked_for)
    else:
        say = f"records are under {first.root}; python -m harness.report {first.root} --out DIR"
        tell(f"{say} compares them")
    return status


def _check_comparable(requests: Sequence[Request]) -> None:
    """That a report of them can be written, before they take hours: it compares one study a pair."""
    from harness.errors import ConfigError

    seen: dict[tuple[str, str], str] = {}
    for study in (request.study for request in requests):
        first = seen.setdefault((study.workload, study.optimizer), study.fingerprint)
        if first != study.fingerprint:
            raise ConfigError(
                f"report= compares one study a workload and optimizer, and this command runs two of"
                f" {study.workload}/{study.optimizer} ({first}, {study.fingerprint}); leave report="
                " out, and choose with --study (or --pool seeds) in python -m harness.report"
            )


def _run_one(job: Job) -> int:
    """In a process that a launcher started: say what went wrong there, and give the exit status."""
    try:
        return _run([job])
    except Exception as error:
        return refuse(error)


def _launched_here() -> bool:
    """Whether Hydra's jobs run one after the other in this process, so that one pool can serve all."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    settings = HydraConfig.get()
    return settings.mode == RunMode.RUN or "BasicLauncher" in settings.launcher._target_


def _overrides() -> tuple[str, ...]:
    from hydra.core.hydra_config import HydraConfig
    from omegaconf import OmegaConf

    typed = OmegaConf.to_container(HydraConfig.get().overrides.task, resolve=False)
    return tuple(map(str, typed or ()))  # not resolved: seed=${first_trial} stays as it is


def _as_hydra_takes_them(arguments: Sequence[str]) -> list[str]:
    """-m and --multirun before all overrides: Hydra takes them only there or last (hydra #3053).

    And trial=0-3,7 as a list, unless -m makes it a sweep of jobs. Under -m Hydra first composes what
    is not swept with the defaults for what is, so search_space.lr.high=1 would be looked for in
    Adam's space whatever the optimizers: what depends on other choices is a sweep over one value.
    """
    flags = [word for word in arguments if word in ("-m", "--multirun")]
    words = [word for word in arguments if word not in flags]
    if flags:
        words = [_swept(word) for word in words]
    else:
        words = [re.sub(r"^trial=([0-9,-]*,[0-9,-]*)$", r"trial=[\1]", word) for word in words]
    return flags + words


def _swept(word: str) -> str:
    """An override of a part of the study as a sweep over its one value; any other word as it is."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import OverrideParseException

    key, equals, value = word.partition("=")
    if not value or key.lstrip("+").split(".")[0] not in (
        "workload",
        "model",
        "data",
        "optimizer",
        "search_space",
    ):
        return word
    sweep = f"{key}{equals}choice({value})"
    try:
        parse = OverridesParser.create().parse_override
        if parse(word).is_sweep_override():
            return word
        parse(sweep)  # not every value can be one of a choice
        return sweep
    except OverrideParseException:
        return word  # Hydra says what is wrong with it, or takes it as it is


def refuse(error: Exception) -> int:
    """Say a mistake of the user's, or what befell the sweep, in one line; raise what is our bug."""
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    from harness.errors import ConfigError, SweepError
    from workloads.task import DataError

    if isinstance(error, SweepError):
        return _say(str(error), EXIT_FAILED)
    if isinstance(error, ConfigError | DataError):
        return _say(str(error), EXIT_USAGE)
    if isinstance(error, HydraException | OmegaConfBaseException):
        return _say(_one_line(error), EXIT_USAGE)
    raise error


def _say(line: str, status: int) -> int:
    print(f"harness: {' '.join(line.split())}", file=sys.stderr)
    return status


def _one_line(error: BaseException) -> str:
    """Hydra's message without its stack of causes and blank lines."""
    from hydra.errors import MissingConfigException

    if isinstance(error, MissingConfigException) and error.options is not None:
        group, _, name = str(error.missing_cfg_file).rpartition("/")
        if group.startswith("search_space/"):
            return (
                f"{group.removeprefix('search_space/')} has no search space for optimizer {name!r};"
                f" write conf/{group}/{name}.yaml, or name another such as search_space={group.removeprefix('search_space/')}/adam"
            )
        known = ", ".join(sorted(error.options))
        remedy = (
            "; or give an import path such as torch.optim.AdamW as optimizer.rule"
            " (README, Your own optimizer)"
            if group == "optimizer"
            else ""
        )
        return f"{group} {name!r} is not in conf/{group}: {known}{remedy}"
    if unknown_key := re.match(
        r"Could not override '([^']+)'.*append.*use (\+\S+)", str(error), re.S
    ):
        key, appended = unknown_key.groups()
        added = f", {appended} adds one" if key.startswith("search_space.") else ""
        return f"{key!r} is no key of this configuration; --cfg job lists them{added}{_meant(key)}"
    text = str(error)
    cause = error.__cause__
    if cause is not None and str(cause) not in text:
        text = f"{text}: {cause}"
    return " ".join(text.split())


def _meant(key: str) -> str:
    """The top-level key that a mistyped one resembles, as a question."""
    if "." in key:
        return ""
    from dataclasses import fields

    from harness.config.build import Config

    known = [field.name for field in fields(Config)]
    close = difflib.get_close_matches(key, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


if __name__ == "__main__":
    main()
