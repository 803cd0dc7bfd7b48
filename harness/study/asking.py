"""Points that depend on what earlier trials found: Bayesian search by ask and tell, with Optuna.

Trial ``i`` is chosen by the results of trials ``0 .. i - parallel``, and of no others, whichever are known
by then. So its point is a function of the study and these results: any number of workers, commands and
interruptions choose the same ones. Of the ``parallel - 1`` trials that may run beside it, it knows
nothing. Such trials are no independent draws: best of K has no exact statistics for them.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from harness.errors import ConfigError
from harness.study.sampling import GP
from harness.study.space import LOG, Choices, Range, Space, Value

if TYPE_CHECKING:
    import optuna


class Told(NamedTuple):
    """An earlier trial's point and its final validation error, None where it diverged."""

    point: dict[str, Value]
    val_error: float | None


def check() -> None:
    """That Optuna is there.

    Raises:
        ConfigError: it is not.
    """
    try:
        import optuna  # noqa: F401
    except ImportError:
        raise ConfigError(
            "sampler=tpe and gp need Optuna: pip install 'optimizer-comparison-harness[optuna]'"
        ) from None


def ask(
    space: Space, sampler: str, seed: int, trial: int, told: Sequence[Told]
) -> dict[str, Value]:
    """The point of a trial, as the sampler chooses it.

    Diverged trials are told as bad as the worst of the others. Sources: Bergstra et al. (2011),
    *Algorithms for hyper-parameter optimization* (``tpe``); Optuna's Gaussian process with expected
    improvement in its logarithm, Ament et al. (2023) (``gp``).
    """
    import optuna

    check()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    distributions = {
        name: found for name, axis in space.items() if (found := _distribution(axis)) is not None
    }
    own = int(np.random.SeedSequence([seed, trial]).generate_state(1)[0])
    with warnings.catch_warnings(), _one_thread(sampler):
        warnings.simplefilter("ignore")  # that it is experimental
        chooser: Any = (
            optuna.samplers.GPSampler(seed=own, n_startup_trials=1)
            if sampler == GP
            else optuna.samplers.TPESampler(seed=own, n_startup_trials=1)
        )
        study = optuna.create_study(sampler=chooser)
        worst = max((each.val_error for each in told if each.val_error is not None), default=1.0)
        study.add_trials(
            [
                optuna.trial.create_trial(
                    params={
                        name: _as_asked(each.point[name], d) for name, d in distributions.items()
                    },
                    distributions=distributions,
                    value=worst if each.val_error is None else each.val_error,
                )
                for each in told
            ]
        )
        params = study.ask(distributions).params
    return {
        name: _as_told(params[name]) if name in params else axis.value_at(0.0)
        for name, axis in space.items()
    }


@contextlib.contextmanager
def _one_thread(sampler: str) -> Iterator[None]:
    """Of torch, which the Gaussian process is fitted with: beside busy workers two take longer."""
    if sampler != GP:
        yield
        return
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _distribution(axis: Any) -> optuna.distributions.BaseDistribution | None:
    from optuna import distributions

    if isinstance(axis, Choices):
        return distributions.CategoricalDistribution(axis.choices)
    if not isinstance(axis, Range):
        return None
    log = axis.scale == LOG
    if axis.integer:
        return distributions.IntDistribution(int(axis.low), int(axis.high), log=log)
    return distributions.FloatDistribution(axis.low, axis.high, log=log)


def _as_asked(value: Value, distribution: Any) -> Any:
    from optuna import distributions

    if isinstance(distribution, distributions.IntDistribution):
        return int(value)
    if isinstance(distribution, distributions.FloatDistribution):
        return min(max(float(value), distribution.low), distribution.high)  # rounded past an end
    return value


def _as_told(value: Any) -> Value:
    return value if isinstance(value, str) else float(value)
