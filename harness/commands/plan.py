"""How many trials a verdict takes, what those at hand can tell, and what the sweep costs here.

    harness plan workload=NAME optimizer=NAME power=.8 win=.75 budget_trials=16
    harness plan experiment=NAME

power is the chance that the paired test finds an optimizer that wins the share win of tuning races
against another, each tuned with budget_trials trials. All other words are those of a run; what they ask
for (num_trials=, experiment=) is billed, else as many trials as the test needs. Seconds a trial are those
of the records under root=, else of a short training of each study, --seconds long.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from harness.commands import bill
from harness.commands.parsing import Parser
from harness.errors import EXIT_COMPLETE, ConfigError

if TYPE_CHECKING:
    from harness.running.options import Options
    from harness.study.request import Request

OWN = {"power": 0.8, "win": 0.75, "budget_trials": 16.0}
ASKING = ("num_trials", "num_feasible", "trial", "experiment", "first_trial", "max_trials")


class Aim(NamedTuple):
    """What is to be found."""

    power: float
    win: float
    budget: int


def main(arguments: Sequence[str]) -> int:
    parser = Parser("plan", __doc__)
    parser.add_argument(
        "words", nargs="*", metavar="KEY=VALUE", help="power, win, budget_trials; overrides"
    )
    parser.add_argument(
        "--seconds", type=float, default=3.0, help="of training to measure a study (3)"
    )
    parser.add_argument("--no-probe", action="store_true", help="train nothing")
    parser.add_argument(
        "-m", "--multirun", action="store_true", help="several studies, as in a run"
    )
    parser.add_argument("--config-dir", metavar="DIR", help="your own configurations")
    given = parser.parse_intermixed_args(arguments)
    aim, words = _aim(given.words)
    flags = [*(["-m"] if given.multirun else [])]
    flags += ["--config-dir", given.config_dir] if given.config_dir else []

    from harness.config import build, how
    from harness.config.compose import compose

    jobs = compose([*flags, *words])
    requests = build.requests(jobs)
    asked = any(re.split(r"[=.]", word.lstrip("+~"))[0] in ASKING for word in words)
    needs: dict[str, int | None] = {}
    for workload, own in itertools.groupby(
        sorted(requests, key=lambda each: each.study.workload), key=lambda each: each.study.workload
    ):
        for line in _trials(workload, list(own), aim, needs, asked):
            print(line, flush=True)
    options = how.common_options([config for config, _ in jobs])
    probed = None if given.no_probe else given.seconds
    for line in _bill(requests, None if asked else needs, options, probed):
        print(line, flush=True)
    return EXIT_COMPLETE


def _aim(words: Sequence[str]) -> tuple[Aim, list[str]]:
    """What is to be found, and the other words.

    Raises:
        ConfigError: a value out of its range.
    """
    values, rest = dict(OWN), []
    for word in words:
        key, equals, text = word.partition("=")
        if not equals or key not in OWN:
            rest.append(word)
            continue
        try:
            values[key] = float(text)
        except ValueError:
            raise ConfigError(f"{key} must be a number, got {text!r}") from None
    power, win, budget = values["power"], values["win"], values["budget_trials"]
    if not 0.05 < power < 1:
        raise ConfigError(f"power must lie between .05 and 1, got {power:g}; .8 is usual")
    if not 0.5 < win < 1:
        raise ConfigError(f"win must lie between .5 and 1, got {win:g}; such as .75")
    if not (budget >= 1 and budget == int(budget)):
        raise ConfigError(f"budget_trials must be a whole number of 1 or more, got {budget:g}")
    return Aim(power, win, int(budget)), rest


def _trials(
    workload: str,
    requests: Sequence[Request],
    aim: Aim,
    needs: dict[str, int | None],
    asked: bool,
) -> Iterator[str]:
    """How many it takes, which is noted in ``needs``, and what fewer that are asked for or at hand tell."""
    from harness.analysis.paired import LEVEL
    from harness.analysis.power import Question, trials_for

    names = list(dict.fromkeys(request.study.optimizer for request in requests))
    pairs = max(1, len(names) * (len(names) - 1) // 2)
    question = Question(aim.win, aim.budget, LEVEL / pairs)
    adjusted = f", adjusted for {pairs} pairs" if pairs > 1 else ""
    yield (
        f"{workload}: to find with a chance of {aim.power:.0%} that one wins {aim.win:.0%} of tuning races of"
        f" K = {aim.budget}{adjusted},"
    )
    found = list(_at_hand(workload, requests, aim.budget))
    for shared, of in (
        (_shared(found), _whose(found)),
        (1.0, "independent trials, the worst case"),
    ):
        count = trials_for(question, aim.power, shared)
        needs.setdefault(workload, count)  # the first: that of the paired test
        yield f"  N = {'over 100,000' if count is None else f'about {count:,}'} trials of each: {of}"
    least = min(each.num_feasible or len(set(each.indices)) for each in requests)
    if asked and least < (needs[workload] or math.inf):
        yield f"  asked for: {least} of each, fewer than these: {_finds(least, aim, _shared(found), question.level)}"
    if found:
        least = min(count for _, count, _ in found)
        yield f"  at hand: {least} of each: {_finds(least, aim, _shared(found), question.level)}"


def _finds(trials: int, aim: Aim, shared: float, level: float) -> str:
    """What so many of each tell."""
    from harness.analysis.cells import needed
    from harness.analysis.power import least_win

    if trials < needed(aim.budget):
        return f"at K = {aim.budget} nothing is judged with fewer than {needed(aim.budget)}"
    win = least_win(trials, aim.budget, aim.power, shared, level)
    told = f"a win share of {win:.0%} or more" if win < 1 else "no win share"
    return f"they find {told} with that chance"


def _shared(found: Sequence[tuple[str, int, float]]) -> float:
    """The share of the variance that is left, the middle one of the pairs at hand."""
    from harness.analysis.power import TYPICAL

    values = sorted(shared for _, _, shared in found)
    return values[len(values) // 2] if values else TYPICAL


def _whose(found: Sequence[tuple[str, int, float]]) -> str:
    shared = f"which share points and weights ({_shared(found):.2f} of independent ones' variance"
    if not found:
        return f"{shared} is usual; with trials at hand it is measured)"
    of = found[0][0] if len(found) == 1 else f"the middle one of {len(found)} pairs"
    return f"{shared}, measured on {of} at hand)"


def _at_hand(
    workload: str, requests: Sequence[Request], budget: int
) -> Iterator[tuple[str, int, float]]:
    """Of every pair with records under its root: its name, the fewer trials, the variance it shares."""
    from pathlib import Path

    from harness.analysis.cells import LEAST_TRIALS
    from harness.analysis.partners import fields, partners
    from harness.analysis.power import shared_variance
    from harness.analysis.reading import read_results

    names = [request.study.optimizer for request in requests]
    for root in dict.fromkeys(request.root for request in requests):
        if not Path(root).is_dir():
            continue
        try:
            results = read_results(root)
        except ConfigError:  # several studies, or none: nothing to go by
            continue
        here = [
            field
            for field in fields(results.trials, "val_error", results.studies)
            if field.workload == workload and len(field.sample.errors) >= LEAST_TRIALS
        ]
        for one, other in itertools.combinations(here, 2):
            if one.optimizer in names or other.optimizer in names:
                a, b = partners(one, other)
                fewer = min(len(a.errors), len(b.errors))
                k = min(budget, fewer // 5)
                shared = shared_variance(a, b, k)
                yield f"{one.optimizer} and {other.optimizer}", fewer, shared


def _bill(
    requests: Sequence[Request],
    needs: dict[str, int | None] | None,
    options: Options,
    probed: float | None,
) -> Iterator[str]:
    """The cost of what is asked, or of what is needed on each workload, whose steps are timed for so many seconds."""
    from harness.running import device as devices
    from harness.running import probe

    places = devices.resolve(options.device)
    workers = devices.worker_count(options.workers, places)
    if devices.slow_bfloat16((request.study for request in requests), places):
        yield devices.SLOW_BFLOAT16  # before it is measured, which takes as long
    lines, costs, memory = [], [], 0
    for request in requests:
        study, count = request.study, bill.left(request)
        if needs is not None:
            count = needs[study.workload] or count
        seconds = bill.of_records(request.root, study, places[0], options.stack)
        how = "as its records say"
        if seconds is None and probed is not None:
            cost = probe.measure(study, places[0], probed)
            seconds = cost.seconds_a_trial(dict(study.config["workload"]))
            how = f"measured: {bill.duration(cost.seconds_a_step)} a step, {cost.memory_bytes / 2**20:,.0f} MiB"
            memory = max(memory, cost.memory_bytes)
        elif seconds is None:
            how = "not measured"
        if seconds is not None:
            costs.append((study.workload, study.config["workload"]["steps"], seconds))
        lines.append(bill.Line(f"{study.workload}/{study.optimizer}", count, seconds, how))
    yield "the bill:"
    yield from bill.lines(lines, workers)
    if costs:
        yield f"  for harness submit --dry-run on another machine: {' '.join(bill.per_step(costs))}"
    if memory:
        yield f"  memory: up to {memory / 2**30:.1f} GiB a worker, {memory * workers / 2**30:.1f} GiB for {workers}"
