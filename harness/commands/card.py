"""Writes the facts of a results folder into its card, ROOT/card.md: what was run on what, and the outcome.

The facts stand between two marks and are refreshed by running the command again; the words around
them are the authors'. Without a card yet, one is begun.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.commands.parsing import Parser
from harness.errors import EXIT_COMPLETE


def main(arguments: Sequence[str]) -> int:
    parser = Parser("card", __doc__)
    parser.add_argument(
        "root", help="a results folder (the root= of sweeps that have run), or a folder of such"
    )
    root = parser.parse_args(arguments).root

    from harness.config import shipped
    from harness.report.card import write_card

    print(write_card(root, [shipped.folder()]))
    return EXIT_COMPLETE
