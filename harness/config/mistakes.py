"""Hydra's errors in one line: the rule, the value given, the remedy."""

from __future__ import annotations

import difflib
import re


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
        return f"{group} {name!r} is not in conf/{group}: {known}{remedy}"
    if unknown_key := re.match(
        r"Could not override '([^']+)'.*append.*use (\+\S+)", str(error), re.S
    ):
        key, appended = unknown_key.groups()
        remedy = _remedy(key, appended)
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


def _remedy(key: str, appended: str) -> str:
    """What to write instead of a key that is not there."""
    group, *inner = key.split(".")
    if group == "search_space" and len(inner) == 1:
        return f", {appended} adds one"
    if group == "search_space":
        axis, last = key.rpartition(".")[::2]
        if last in ("low", "high", "scale", "choices"):
            return f"; give the axis as a whole, such as {axis}='{{low: 0.1, high: 1}}'"
        return "; an axis has low, high and scale, or choices"
    return _meant(key)


def _meant(key: str) -> str:
    """The top-level key that a mistyped one resembles, as a question."""
    if "." in key:
        return ""
    from dataclasses import fields

    from harness.config.schema import Config

    known = [field.name for field in fields(Config)]
    close = difflib.get_close_matches(key, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
