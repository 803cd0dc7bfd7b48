"""Hydra's errors in one line: the rule, the value given, the remedy."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from pathlib import Path
from shlex import quote as quoted

from harness.errors import did_you_mean
from harness.study.space import KEYS

AN_AXIS = "an axis has low, high and scale, or choices"
OWN = ("optimizer", "workload", "search_space", "experiment")  # groups with files of users


def one_line(error: BaseException) -> str | None:
    """What the command line says of an error of Hydra's or OmegaConf's; None of any other.

    Without its stack of causes and blank lines.
    """
    from hydra.errors import HydraException, MissingConfigException
    from omegaconf.errors import OmegaConfBaseException

    if not isinstance(error, HydraException | OmegaConfBaseException):
        return None
    if isinstance(error, MissingConfigException) and error.options is not None:
        group, _, name = str(error.missing_cfg_file).rpartition("/")
        known = ", ".join(sorted(error.options))
        remedy = (
            "; or give an import path such as torch.optim.AdamW as optimizer.rule"
            " (docs/your-own.md)"
            if group == "optimizer"
            else ""
        )
        meant = did_you_mean(name, error.options)
        own = _own_file(group, name)
        return f"{group} {name!r} is not in conf/{group}: {known}{remedy}{own}{meant}"
    if unknown_key := re.match(
        r"Could not override '([^']+)'.*append.*use (\+\S+)", str(error), re.S
    ):
        key, appended = unknown_key.groups()
        remedy = _remedy(key, appended, error.__cause__)
        return f"{key!r} is no key of this configuration; --cfg job lists them{remedy}"
    text, cause = str(error), error.__cause__
    if cause is not None and not _of_the_parser(cause) and str(cause) not in text:
        text = f"{text}: {cause}"
    text = re.sub(r"See https://hydra.cc\S* for details", "", text)
    # Where OmegaConf says it, without what it says of its classes.
    text = re.sub(r"\s*full_key: *(\S*)(.*?_type=\S*)*", _place, text, flags=re.S)
    return f"{' '.join(text.split())[:500]}{_how_to_write(error, text)}"


def _of_the_parser(cause: BaseException) -> bool:
    return type(cause).__module__.startswith("antlr4")


def _place(match: re.Match[str]) -> str:
    return f" (in {match[1]})" if match[1] and "_type=" not in match[1] else ""


def _how_to_write(error: BaseException, text: str) -> str:
    """The remedy for what Hydra's grammar does not take as it was meant."""
    from omegaconf.errors import InterpolationResolutionError

    if isinstance(error, InterpolationResolutionError):
        return "; ${…} stands for another key, ${oc.env:HOME} for a variable, and \\${…} for itself"
    if "Cannot merge DictConfig with ListConfig" in text:
        return "; give a list of values as {choices: [0.1, 0.2]}"
    if not re.search(r"missing EQUAL|no viable alt|NoViableAlt|token recognition|extraneous", text):
        return ""
    key, equals, value = str(getattr(error, "override", "KEY=…")).partition("=")
    if not equals:
        return "; an override is KEY=VALUE"
    if "{" in value or "{" in text:
        return f"; such as {key.lstrip('+')}='{{low: 0.1, high: 1.5}}', decimals with a point"
    quoted = value.replace("'", "").replace('"', "")[:80]
    return f"; put such a value into quotes: \"{key[:80]}='{quoted}'\""


def _remedy(key: str, appended: str, cause: BaseException | None) -> str:
    """What to write instead of a key that is not there."""
    group, *inner = key.split(".")
    missing = str(getattr(cause, "full_key", ""))
    beside = [str(each) for each in getattr(cause, "parent_node", None) or ()]
    if group == "search_space" and missing == f"search_space.{inner[0]}":
        return _no_axis(key, appended, beside)
    if group == "search_space":
        axis, last = key.rpartition(".")[::2]
        if last in KEYS:
            return f"; give the axis as a whole, such as {axis}='{{low: 0.1, high: 1}}'"
        return f"; {AN_AXIS}"
    place, _, name = missing.rpartition(".")
    before, after = f"{place}." if place else "", key.removeprefix(missing)
    return did_you_mean(name, beside, before, after)


def _no_axis(key: str, appended: str, axes: Sequence[str]) -> str:
    """The axes there are; and how one is added, where none of them sets the same."""
    from harness.study.parametrisation import meaning

    _, name, *inner = key.split(".")
    listed = f"; the axes are {', '.join(axes)}"
    same = [axis for axis in axes if meaning(axis) == meaning(name)]
    if same:
        whole = f"+search_space.{name}='{{low: 0.1, high: 1}}'" if inner else appended
        return (
            f"{listed}: {same[0]} sets {meaning(name)}, so give search_space.{same[0]}, or in its place"
            f" ~search_space.{same[0]} {whole}"
        )
    if not inner:
        return f"{listed}, and {appended} adds one"
    if inner[-1] not in KEYS:
        return f"{listed}; {AN_AXIS}"
    whole = f"search_space.{name}='{{low: 0.1, high: 1}}'"
    return f"{listed}; another is given as a whole, such as {whole}"


def _own_file(group: str, name: str) -> str:
    """The flag that a user's own file needs, with the folder here that holds one of this name."""
    if group.partition("/")[0] not in OWN:
        return ""
    with contextlib.suppress(OSError, ValueError):
        for folder in sorted(Path().iterdir()):
            if (folder / group / f"{name}.yaml").is_file():
                return f"; {folder / group / name}.yaml is used with --config-dir {quoted(str(folder))}"
    return "; a file of your own is found with --config-dir DIR"
