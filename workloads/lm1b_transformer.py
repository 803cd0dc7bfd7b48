"""Workload `lm1b_transformer`: a decoder-only Transformer on the One Billion Word benchmark.

The paper's metric and target are the cross entropy a token, 3.45, which depends on the vocabulary:
32,000 subwords there, of a kind it does not name; byte-level BPE here (*ours*). Validation is one
held-out shard, test another (*ours*).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workloads.data import lm1b
from workloads.settings import POSITIVE, read
from workloads.task import DataError

if TYPE_CHECKING:
    from workloads.tasks.sentences import SentenceTask

MODEL = dict.fromkeys(("width", "layers", "heads", "mlp"), POSITIVE)


def prepare(data: Mapping[str, Any]) -> str:
    """`data`: see `workloads.data.lm1b.prepare`."""
    return str(lm1b.load(lm1b.prepare(data)).description["sha256"])


def check_model(model: Mapping[str, Any]) -> None:
    settings = read("model", model, **MODEL)
    if settings.width % (2 * settings.heads):
        raise DataError(
            f"model.width must be a multiple of twice model.heads={settings.heads}, not {settings.width}"
        )


def load(
    data: Mapping[str, Any], model: Mapping[str, Any], batch_size: int, device: str
) -> SentenceTask:
    """`model`: width, layers, heads, mlp (its width)."""
    from workloads.models.transformer import Transformer
    from workloads.tasks.sentences import SentenceTask

    check_model(model)
    encoded = lm1b.load(lm1b.prepare(data))
    settings = read("data", data, **lm1b.DATA)
    return SentenceTask(
        encoded.splits,
        encoded.description,
        build_model=lambda: Transformer(
            settings.vocabulary, positions=settings.longest, **{name: model[name] for name in MODEL}
        ),
        batch_size=batch_size,
        device=device,
    )
