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

    from harness.config.schema import Config

    known = [field.name for field in fields(Config)]
    close = difflib.get_close_matches(key, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
