"""Workload `quadratic_deep`: DeepOBS's noisy quadratic in 100 dimensions. A second a trial.

1,000 training points, one draw that every trial shares; 7 minibatches of 128 an epoch, the rest of
it dropped, as of the 1,000 test points. The test loss before training is DeepOBS's, 353.4468.

There is no error rate: val_error and test_error of a record are the losses, of which none is below
about 87. What differs from DeepOBS: it has no validation part, ours is a third draw of points; and
an epoch has an order of its own unless data.same_order_each_epoch is set, as in DeepOBS's own runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workloads.data import quadratic
from workloads.settings import FLAG, PATH, read

if TYPE_CHECKING:
    from workloads.tasks.quadratic import QuadraticTask
    from workloads.tasks.stacked_quadratic import StackedQuadratic

DATA = {"root": PATH, "cache": PATH, "same_order_each_epoch": FLAG}


def prepare(data: Mapping[str, Any]) -> str:
    """The data is drawn: data.root and data.cache are accepted and not used."""
    read("data", data, **DATA)
    return quadratic.instance().sha256


def check_model(model: Mapping[str, Any]) -> None:
    read("model", model)


def training_examples(data: Mapping[str, Any]) -> int:
    return quadratic.POINTS


def load(
    data: Mapping[str, Any], model: Mapping[str, Any], batch_size: int, device: str
) -> QuadraticTask:
    """`model` has no settings."""
    from workloads.tasks.quadratic import QuadraticTask

    settings = read("data", data, **DATA)
    read("model", model)
    return QuadraticTask(
        quadratic.instance(),
        "noisy quadratic (DeepOBS)",
        batch_size,
        device,
        same_order_each_epoch=bool(settings.same_order_each_epoch),
    )


def load_stacked(
    data: Mapping[str, Any], model: Mapping[str, Any], batch_size: int, device: str
) -> StackedQuadratic:
    from workloads.tasks.stacked_quadratic import StackedQuadratic

    return StackedQuadratic(load(data, model, batch_size, device))
