"""The verbs of the command line by name, each a module beside this one with ``main(arguments)``."""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Callable, Sequence

from harness.errors import ConfigError, did_you_mean, unknown

VERBS = {
    "run": "train the trials of a study or a sweep; this word may be left out",
    "check": "is an optimizer, or a workload, what it should be? before a sweep is paid for",
    "new": "files to begin with, of an optimizer or a workload of your own",
    "plan": "how many trials a verdict takes, and what a sweep costs",
    "report": "what the trials say: tables, figures and one HTML page",
    "pruned": "what a pruned sweep says, and what pruning lost",
    "trial": "one trial's own learning curve",
    "across": "several workloads together: who wins, mean ranks, a performance profile",
    "figures": "the full set of figures, each with its numbers",
    "status": "how far each study is: done, running, failed, missing",
    "refine": "the search space of the next stage, from the trials of this one",
    "stages": "search spaces for several optimizers, by the same two stages for each",
    "landscape": "optimizers seen moving on functions of two numbers, and leaving a saddle",
    "delays": "error against the delay of gradients, each optimizer tuned at every delay",
    "hogwild": "processes that train one model at once without a lock: speed and error",
    "searches": "random, grid and Bayesian search: how soon each finds a good trial",
    "curves": "learning curves of the selected trials of several runs, side by side",
    "ensemble": "predictions of several trials, seeds or checkpoints averaged",
    "difficulty": "the training examples' losses under a trial, for a curriculum",
    "confirm": "the selected configurations on fresh seeds: what is search, what is luck",
    "untuned": "each optimizer's default setting beside its tuned one: what tuning buys",
    "repeat": "some trials of each study again: the same bits?",
    "spaces": "whether a comparison holds on parts of its search spaces",
    "bundle": "a results folder as one file that repeats it, own code and all",
    "card": "the facts of a results folder, as its card states them",
    "compact": "one Parquet file a study instead of one JSON file a trial",
    "submit": "a sweep as Slurm job arrays",
}
HELP = ("-h", "--help", "help")
MULTIRUN = (
    "-m",
    "--multirun",
)  # the words that begin with - and are followed by no value of theirs
COMPLETION = ("-sc", "--shell-completion")


def split(arguments: Sequence[str]) -> tuple[str, list[str]]:
    """The verb and its own arguments; ``run`` where none is named.

    >>> split(["report", "results"]), split(["optimizer=adam"]), split(["--help"])
    (('report', ['results']), ('run', ['optimizer=adam']), ('overview', []))
    """
    words = list(arguments)
    if words and words[0] in VERBS and words[0] != "run":
        return words[0], words[1:]
    words = words[words[:1] == ["run"] :]
    if any(word in HELP for word in words):
        return "overview", []
    if any(word in COMPLETION for word in words):
        return "completion", words
    return "run", words


def check_first(words: Sequence[str]) -> None:
    """That a run neither begins with what was to be a verb nor has one further on.

    Raises:
        ConfigError: it does.
    """
    for before, word in itertools.pairwise(words):
        if word in VERBS and (not before.startswith("-") or before in MULTIRUN):
            raise ConfigError(f"{word} is a verb and comes first: harness {word} …")
    first = words[0] if words else ""
    if not first or "=" in first or first[0] in "-~+":
        return
    raise unknown("verb", first, VERBS, f"and a run takes KEY=VALUE{did_you_mean(first, VERBS)}")


def main_of(verb: str) -> Callable[[Sequence[str]], int]:
    """The function that runs a verb on its arguments and gives the exit status.

    It raises what a user can put right (`harness.errors.HarnessError`); the door says it.
    """
    found: Callable[[Sequence[str]], int] = importlib.import_module(f"harness.commands.{verb}").main
    return found
