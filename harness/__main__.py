"""The command line: compose configurations with Hydra, check them all, then run their trials.

python -m harness workload=digits_cnn optimizer=adam num_trials=16
python -m harness -m optimizer=sgd,adam
python -m harness experiment=quickstart
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from omegaconf import DictConfig

EXIT_USAGE = 2


def main() -> None:
    """Entry point of ``python -m harness`` and of the ``harness`` console script."""
    sys.exit(command(sys.argv[1:]))


def command(arguments: Sequence[str]) -> int:
    """Run one command and return its exit status; a mistake in it is one line on stderr and a 2."""
    # Imported here: a spawned worker imports this module again and needs none of it.
    import hydra
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    from harness import config
    from harness.errors import ConfigError
    from workloads.task import DataError

    os.environ["HYDRA_FULL_ERROR"] = "1"  # exceptions reach us, instead of Hydra's own printing
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())  # a user's own optimizer or workload, in the current folder
    config.register()
    collected: list[DictConfig] = []
    statuses: list[int] = []

    @hydra.main(version_base="1.3", config_path="pkg://harness.conf", config_name="config")
    def job(composed: DictConfig) -> None:
        if _launched_here():
            collected.append((composed, _overrides()))  # type: ignore[arg-type]
        else:
            statuses.append(_run([(composed, _overrides())]))

    sys.argv = [sys.argv[0], *_flags_first(arguments)]
    try:
        job()
        return _run(collected) if collected else max(statuses, default=0)
    except (ConfigError, DataError) as error:
        return _refuse(str(error))
    except (HydraException, OmegaConfBaseException) as error:
        return _refuse(_one_line(error))


def _run(composed: Sequence[Any]) -> int:
    """Check every composed configuration, then run their trials in one pool."""
    from harness import config, runner

    requests = [config.request(each, config.study(each, words)) for each, words in composed]
    first = composed[0][0]
    status = runner.run(requests, config.options(first))
    if first.report and status != runner.EXIT_INTERRUPTED:
        from harness.report import write_report

        write_report([first.root], first.report)
    return status


def _launched_here() -> bool:
    """Whether Hydra's jobs run one after the other in this process, so that one pool can serve all."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    settings = HydraConfig.get()
    return settings.mode == RunMode.RUN or "BasicLauncher" in settings.launcher._target_


def _overrides() -> tuple[str, ...]:
    from hydra.core.hydra_config import HydraConfig

    return tuple(HydraConfig.get().overrides.task)


def _flags_first(arguments: Sequence[str]) -> list[str]:
    """-m and --multirun before all overrides: Hydra takes them only there or last (hydra #3053)."""
    flags = [word for word in arguments if word in ("-m", "--multirun")]
    return flags + [word for word in arguments if word not in flags]


def _refuse(line: str) -> int:
    print(f"harness: {line}", file=sys.stderr)
    return EXIT_USAGE


def _one_line(error: BaseException) -> str:
    """Hydra's message without its stack of causes and blank lines."""
    from hydra.errors import MissingConfigException

    if isinstance(error, MissingConfigException) and error.options is not None:
        group, _, name = str(error.missing_cfg_file).rpartition("/")
        known = ", ".join(sorted(error.options))
        remedy = (
            "; or give an import path such as torch.optim.AdamW" if group == "optimizer" else ""
        )
        return f"{group} {name!r} is not in conf/{group}: {known}{remedy}"
    if unknown_key := re.match(
        r"Could not override '([^']+)'.*append.*use (\+\S+)", str(error), re.S
    ):
        key, appended = unknown_key.groups()
        return f"{key!r} is no key of this configuration; --cfg job lists them, {appended} adds one"
    text = str(error)
    cause = error.__cause__
    if cause is not None and str(cause) not in text:
        text = f"{text}: {cause}"
    return " ".join(text.split())


if __name__ == "__main__":
    main()
