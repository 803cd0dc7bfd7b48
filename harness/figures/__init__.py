"""Pictures: each takes a table of numbers (`harness.analysis`) and returns a matplotlib figure. No number is computed here."""

import logging

# Where there is no home to write to it would say so each time.
logging.getLogger("matplotlib").setLevel(logging.ERROR)
