"""Pictures: each takes a table of numbers (`harness.analysis`) and returns a matplotlib figure. No number is computed here."""
