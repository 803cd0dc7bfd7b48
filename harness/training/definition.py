"""What conf/optimizer/<name>.yaml says: one rule for all parameters, or a rule by parameter group.

```yaml
name: muon
groups:
  matrices: {rule: torch.optim.Muon, where: {kind: matrix}}
  rest: {rule: torch.optim.AdamW, where: rest, no_weight_decay: {kind: [norm, bias]}}
```

Read without torch: a mistake is named before anything heavy is imported.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from harness.errors import ConfigError, unknown

KINDS = ("embedding", "norm", "bias", "head", "convolution", "matrix", "other")
REST = "rest"
IMPORT = "import"  # arguments: {base_optimizer: {import: torch.optim.SGD}}
OF_A_GROUP = ("rule", "arguments", "closure", "no_weight_decay", "as_matrices")
NOT_GROUPS = ("eps", "sqrt_eps")  # lr_over_eps is a ratio within a group


class Where(NamedTuple):
    """Which parameters: those that meet every condition given, each by any of its values."""

    kind: tuple[str, ...] = ()
    ndim: tuple[int, ...] = ()
    name: tuple[str, ...] = ()  # patterns such as blocks.*.weight

    def takes(self, kind: str, ndim: int, name: str) -> bool:
        return (
            (not self.kind or kind in self.kind)
            and (not self.ndim or ndim in self.ndim)
            and (not self.name or any(fnmatchcase(name, each) for each in self.name))
        )


class Group(NamedTuple):
    """Some of a model's parameters and what updates them.

    ``name`` is empty for an optimizer without groups; ``where`` is None for what no other group
    takes. ``arguments`` are the class's that are not searched.
    """

    name: str
    rule: str
    where: Where | None = None
    arguments: Mapping[str, Any] = {}
    closure: bool = False
    no_weight_decay: Where | None = None
    as_matrices: bool = False

    @property
    def by_class(self) -> bool:
        return is_path(self.rule)

    def axis(self, hyperparameter: str) -> str:
        """The search-space name of one of its hyperparameters: ``matrices.lr``."""
        return f"{self.name}.{hyperparameter}" if self.name else hyperparameter

    def own(self, hyperparameters: Mapping[str, float]) -> dict[str, float]:
        """Its share of a point's hyperparameters, by the names that its rule has for them."""
        if not self.name:
            return dict(hyperparameters)
        prefix = f"{self.name}."
        return {
            name.removeprefix(prefix): value
            for name, value in hyperparameters.items()
            if name.startswith(prefix)
        }


def is_path(rule: str) -> bool:
    """Whether a rule is somebody's class, by import path, rather than one of ours."""
    return "." in rule


def groups(node: str | Mapping[str, Any]) -> tuple[Group, ...]:
    """The groups that a study's optimizer node describes; one without a name where it has none.

    Args:
        node: the node, or a rule alone.

    Raises:
        ConfigError: a key or value that is none.
    """
    if isinstance(node, str):
        return (Group("", node),)
    if node.get("groups") is None:
        return (_group("", "optimizer", node),)
    for key in ("rule", *OF_A_GROUP[1:]):
        if node.get(key):
            raise ConfigError(f"optimizer.{key} stands beside optimizer.groups; give it in a group")
    given = node["groups"]
    if not isinstance(given, Mapping) or not given:
        raise ConfigError(f"optimizer.groups must be rules by group name, got {given!r}")
    found = tuple(_named_group(str(name), each) for name, each in given.items())
    rests = [group.name for group in found if group.where is None]
    if len(rests) > 1:
        raise ConfigError(
            f"optimizer.groups {' and '.join(rests)} both take the rest; say where one of them is"
        )
    return found


def _named_group(name: str, node: Any) -> Group:
    path = f"optimizer.groups.{name}"
    if not re.fullmatch(r"[A-Za-z]\w*", name) or name in NOT_GROUPS:
        raise ConfigError(
            f"{path}: a group's name is a word other than {', '.join(NOT_GROUPS)}, got {name!r}"
        )
    if not isinstance(node, Mapping):
        raise ConfigError(f"{path} must hold rule and where, got {node!r}")
    for key in node:
        if key not in (*OF_A_GROUP, "where", "code"):
            raise unknown(f"{path}:", key, (*OF_A_GROUP, "where"), "mend conf/optimizer")
    if node.get("where") is None:
        raise ConfigError(
            f"{path} must say where it is: where: {{kind: matrix}}, ndim or name, or where: {REST}"
        )
    group = _group(name, path, node)
    if group.closure:
        raise ConfigError(
            f"{path}.closure: an optimizer that evaluates the loss again takes all parameters; give"
            " it as optimizer.rule"
        )
    where = None if node["where"] == REST else _where(f"{path}.where", node["where"])
    return group._replace(where=where)


def _group(name: str, path: str, node: Mapping[str, Any]) -> Group:
    rule = node.get("rule")
    if not isinstance(rule, str) or not rule:
        raise ConfigError(
            f"{path}.rule must be a rule's name or an import path such as torch.optim.AdamW, got"
            f" {rule!r}"
        )
    arguments = node.get("arguments") or {}
    if not isinstance(arguments, Mapping):
        raise ConfigError(f"{path}.arguments must be values by name, got {arguments!r}")
    if not is_path(rule):
        for key in OF_A_GROUP[1:]:
            if node.get(key):
                raise ConfigError(
                    f"{path}.{key} is for a class by import path, and {rule} is a rule; leave it out"
                    + (" and hold values in the search space" if key == "arguments" else "")
                )
    undecayed = node.get("no_weight_decay")
    return Group(
        name,
        rule,
        arguments=dict(arguments),
        no_weight_decay=None if undecayed is None else _where(f"{path}.no_weight_decay", undecayed),
        closure=_flag(path, node, "closure"),
        as_matrices=_flag(path, node, "as_matrices"),
    )


def _flag(path: str, node: Mapping[str, Any], key: str) -> bool:
    value = node.get(key) or False
    if not isinstance(value, bool):
        raise ConfigError(f"{path}.{key} must be true or false, got {value!r}")
    return value


def _where(path: str, node: Any) -> Where:
    if not isinstance(node, Mapping) or not node:
        raise ConfigError(
            f"{path} must be kind, ndim or name with values, such as {{kind: [norm, bias]}}, got"
            f" {node!r}"
        )
    found: dict[str, tuple[Any, ...]] = {}
    for key, given in node.items():
        if key not in Where._fields:
            raise unknown(f"{path}:", key, Where._fields)
        values = tuple(given) if isinstance(given, list | tuple) else (given,)
        for value in values:
            _check_condition(f"{path}.{key}", str(key), value)
        found[str(key)] = values
    return Where(**found)


def _check_condition(path: str, key: str, value: Any) -> None:
    if key == "kind" and value not in KINDS:
        raise unknown(path, value, KINDS)
    if key == "ndim" and (type(value) is not int or value < 0):
        raise ConfigError(f"{path} must be a number of dimensions such as 2, got {value!r}")
    if key == "name" and not isinstance(value, str):
        raise ConfigError(f"{path} must be a pattern such as *.weight, got {value!r}")


def paths(node: str | Mapping[str, Any]) -> list[str]:
    """The import paths that a node names: of classes, then of arguments."""
    found = groups(node)
    arguments = [value for group in found for value in group.arguments.values()]
    return [
        *(group.rule for group in found if group.by_class),
        *(str(value[IMPORT]) for value in arguments if is_import(value)),
    ]


def described(node: str | Mapping[str, Any]) -> str:
    """Its rules, for people: ``matrices: torch.optim.Muon, rest: torch.optim.AdamW``."""
    return ", ".join(
        f"{group.name}: {group.rule}" if group.name else group.rule for group in groups(node)
    )


def flat(node: str | Mapping[str, Any], search_space: Mapping[str, Any]) -> dict[str, Any]:
    """A search space's axes by their names, those of a group too: ``matrices: {lr: …}`` is matrices.lr.

    Raises:
        ConfigError: axes of a group that the optimizer has not.
    """
    known = [group.name for group in groups(node) if group.name]
    axes: dict[str, Any] = {}
    for name, value in search_space.items():
        if known and name not in known and isinstance(value, Mapping) and _holds_axes(value):
            raise unknown(f"search_space.{name}: group", name, known, "mend the search space")
        inside = value if name in known and isinstance(value, Mapping) else None
        named = (
            {f"{name}.{each}": axis for each, axis in inside.items()} if inside else {name: value}
        )
        for each, axis in named.items():
            if each in axes:
                raise ConfigError(f"search_space sets {each} twice; drop one")
            axes[str(each)] = axis
    return axes


def _holds_axes(node: Mapping[str, Any]) -> bool:
    return any(isinstance(value, Mapping) for value in node.values())


def is_import(value: Any) -> bool:
    """Whether an argument stands for what lies at an import path: ``{import: torch.optim.SGD}``."""
    return isinstance(value, Mapping) and set(value) == {IMPORT}
