"""The loss and the error count that every workload reports."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def mean_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean of -log softmax(logits)[label], at least in float32.

    Args:
        logits: [examples, classes], possibly bfloat16 under autocast: 8 bits of mantissa are too
            few for a mean over thousands of examples.
        labels: [examples], int64.
    """
    at_least_float32 = torch.promote_types(logits.dtype, torch.float32)
    return F.cross_entropy(logits.to(at_least_float32), labels)


def count_errors(logits: Tensor, labels: Tensor) -> Tensor:
    """How many of [examples] have their largest logit elsewhere than at the label."""
    return (logits.argmax(1) != labels).sum()
