"""``harness --help``: the verbs, a line each, and what can be named in a run."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from harness.commands.verbs import VERBS
from harness.config import shipped
from harness.errors import EXIT_COMPLETE

USAGE = """\
harness: which optimizer is better, once each is tuned on its own search space?

  harness workload=digits_cnn optimizer=adam num_trials=16    one study
  harness -m optimizer=sgd,adam num_trials=16                 several: a study each
  harness experiment=quickstart                               a whole comparison by name
  harness report results --out report                         what the trials say

Verbs, each with its own --help:
"""
GROUPS = ("workload", "optimizer", "schedule", "experiment")
FURTHER = """
Any key of the configuration is set as key=value (search_space.lr.high=1, workload.steps=500, seed=1).
  harness --cfg job optimizer=sgd     print the configuration, run nothing
  harness --config-dir my_conf …      your own files first, with the layout of conf/
  harness --hydra-help                what Hydra itself takes
  eval "$(harness -sc install=bash)"  complete verbs and overrides with the tab key
"""


def main(arguments: Sequence[str]) -> int:
    """Print the overview."""
    print(USAGE + "\n".join(f"  {name:<9} {line}" for name, line in VERBS.items()))
    print("\nShipped, to be named in a run:")
    for group in GROUPS:
        print(
            textwrap.fill(
                ", ".join(shipped.names(group)),
                100,
                initial_indent=f"  {group}= ",
                subsequent_indent="      ",
            )
        )
    print(FURTHER, end="")
    return EXIT_COMPLETE
