"""Which parameters of a model a group takes: by kind of module, number of dimensions, name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd

from harness.errors import ConfigError
from harness.training.definition import Group

EMBEDDINGS = (nn.Embedding, nn.EmbeddingBag)
NORMS = (_NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)


class Described(NamedTuple):
    """A trainable parameter, its name in the model and its kind (`definition.KINDS`)."""

    name: str
    parameter: nn.Parameter
    kind: str


def described(model: nn.Module) -> list[Described]:
    """A model's trainable parameters, in its order, each of exactly one kind.

    embedding
        an ``nn.Embedding``'s weight, also where another layer shares it.
    norm
        all of a normalisation layer, its bias too.
    bias
        what is named bias in any other layer (``bias``, ``bias_ih_l0``).
    head
        the weight of the model's last ``nn.Linear``.
    convolution
        a convolution's kernel.
    matrix
        anything else of two dimensions: linear layers before the last, an LSTM's kernels.
    other
        what is left: scalars, vectors and stacks of matrices of one's own.
    """
    linears = [module for module in model.modules() if isinstance(module, nn.Linear)]
    kinds: dict[int, str] = {}
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            last = bool(linears) and module is linears[-1]
            kinds.setdefault(id(parameter), _kind(module, name, parameter, last))
    return [
        Described(name, parameter, kinds[id(parameter)])
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    ]


def _kind(module: nn.Module, name: str, parameter: nn.Parameter, last: bool) -> str:
    if isinstance(module, EMBEDDINGS):
        return "embedding"
    if isinstance(module, NORMS):
        return "norm"
    if name.startswith("bias"):
        return "bias"
    if isinstance(module, _ConvNd):
        return "convolution"
    if last:
        return "head"
    return "matrix" if parameter.dim() == 2 else "other"


def by_group(groups: Sequence[Group], model: nn.Module) -> dict[str, list[Described]]:
    """Each group's parameters, by its name.

    Raises:
        ConfigError: a parameter that no group takes, or two; a group that takes none.
    """
    taken: dict[str, list[Described]] = {group.name: [] for group in groups}
    rest = [group.name for group in groups if group.where is None]
    for each in described(model):
        name, parameter, kind = each
        takers = [
            group.name
            for group in groups
            if group.where is not None and group.where.takes(kind, parameter.dim(), name)
        ] or rest
        shown = f"parameter {name} ({kind}, {'x'.join(map(str, parameter.shape)) or 'scalar'})"
        if len(takers) > 1:
            raise ConfigError(
                f"optimizer.groups {' and '.join(takers)} both take {shown}; narrow one of them"
            )
        if not takers:
            raise ConfigError(
                f"no group of optimizer.groups takes {shown}; widen one, or add one with where: rest"
            )
        taken[takers[0]].append(each)
    for group_name, parameters in taken.items():
        if not parameters and group_name:
            kinds = ", ".join(sorted({each.kind for each in described(model)}))
            raise ConfigError(
                f"optimizer.groups.{group_name} takes no parameter of this model, which has the kinds"
                f" {kinds}; leave the group out or widen it"
            )
    return taken
