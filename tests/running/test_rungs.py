"""Which trials are pruned depends on their curves alone: not on workers, order, kills or rivals."""

from random import Random

import pytest

from harness.errors import ConfigError
from harness.records.folder import StudyFolder
from harness.records.record import new_record
from harness.running.rungs import check_cohorts
from harness.running.shared_queue import SharedQueue
from harness.study.pruning import Pruning, Value, decided, is_audited
from harness.study.request import Request
from harness.study.result import COMPLETE, CURVE_COLUMNS, DIVERGED, FAILED, PRUNED
from harness.study.rung_choice import Auto
from harness.study.study import Study
from tests.records.made_up import CONFIG

STEPS, RUNGS = 10, (2, 4)
STUDY = Study({**CONFIG, "workload": {**CONFIG["workload"], "steps": STEPS, "eval_every": 1}})
HALVING = Pruning((0.2, 0.4), (0.5, 0.5), cohort=8, audit=0.25)
TRIALS = 24


class World:
    """Curves that trials would have, a folder, and commands that train them there."""

    def __init__(self, path, random):
        self.folder = StudyFolder(path, STUDY)
        self.folder.create()
        self.random = random
        self.errors = [[random.random() for _ in range(STEPS)] for _ in range(TRIALS)]
        self.diverges = {
            t: random.randrange(1, STEPS) for t in range(TRIALS) if random.random() < 0.2
        }
        self.claimed = {}  # by a command

    def record(self, trial, until=None, status=COMPLETE):
        record = new_record(STUDY, trial)
        end = min(until or STEPS, self.diverges.get(trial, STEPS))
        if end == self.diverges.get(trial):
            status = DIVERGED
        elif until:
            status = PRUNED
        steps = range(1, end + 1)
        record["curve"] = {name: [0.0 for _ in steps] for name in CURVE_COLUMNS}
        record["curve"]["step"] = [*steps]
        record["curve"]["val_error"] = self.errors[trial][:end]
        record["curve"]["val_loss"] = self.errors[trial][:end]
        record |= {"status": status, "steps": end}
        if status == COMPLETE:
            record["val_error"] = self.errors[trial][-1]
        return record

    def command(self, pruning=HALVING, trials=range(TRIALS), **options):
        return Command(self, pruning, trials, **options)

    def survivors(self, pruning=HALVING):
        """The plain meaning: who is trained to the end, or until it diverges."""
        found = set()
        for first in range(0, TRIALS, pruning.cohort):
            block = range(first, first + pruning.cohort)
            at = {t: [self.value(t, step) for step in RUNGS] for t in block}
            alive = set(block)
            for passed in decided(pruning, at):
                audited = {t for t in block if is_audited(0, t, pruning.audit)}
                alive &= passed | audited
            found |= alive | {t for t in block if self.out_by_itself(t, at, pruning)}
        return found

    def value(self, trial, step):
        if self.diverges.get(trial, STEPS + 1) <= step - 1:
            return Value(float("inf"), float("inf"))
        return Value(self.errors[trial][step - 1], self.errors[trial][step - 1])

    def out_by_itself(self, trial, at, pruning):
        """Whether it diverges before the rung that would have pruned it."""
        block = range(
            trial // pruning.cohort * pruning.cohort, (trial // pruning.cohort + 1) * pruning.cohort
        )
        for step, passed in zip(RUNGS, decided(pruning, {t: at[t] for t in block}), strict=True):
            if self.diverges.get(trial, STEPS) <= step:
                return True
            if trial not in passed:
                return False
        return False

    def statuses(self):
        return {trial: record["status"] for trial, record in self.folder.read_all().items()}


class Claims:
    """As `harness.records.claims.Claims`, between commands of one process."""

    def __init__(self, world, owner):
        self.world, self.owner = world, owner

    def take(self, trial):
        if trial in self.world.claimed:
            return False
        self.world.claimed[trial] = self.owner
        return True

    def release(self, trial):
        if self.world.claimed.get(trial) is self.owner:
            del self.world.claimed[trial]


class Command:
    def __init__(self, world, pruning, trials, retry_failed=False, leave_open=False):
        self.world, self.running = world, {}
        request = Request(STUDY, str(world.folder.root), trials=tuple(trials))
        self.queue = SharedQueue(
            request, world.folder, Claims(world, self), world.folder.read_all(), retry_failed,
            pruning, leave_open,
        )  # fmt: skip

    def start(self):
        """Hand out a trial, if there is one."""
        if (trial := self.queue.take()) is not None:
            self.running[trial] = self.queue.until(trial)
            return True
        return False

    def end(self, trial, fails=False):
        """What a worker and the pool do once a trial came to its rung or its end."""
        until = self.running.pop(trial)
        record = self.world.record(trial, until)
        if fails:
            record = new_record(STUDY, trial) | {"status": FAILED}
        if record["status"] == PRUNED:
            self.world.folder.write_rung(record)
            self.queue.came(trial)
            return
        self.world.folder.write(record)
        if not fails:
            self.world.folder.ended(trial)
        self.queue.done(trial, record["status"], record["val_error"])

    def kill(self):
        for trial in [t for t, owner in self.world.claimed.items() if owner is self]:
            del self.world.claimed[trial]

    def run(self, workers=2):
        while not self.queue.queue.finished:
            while len(self.running) < workers and self.start():
                pass
            if not self.running:
                return
            self.end(self.world.random.choice([*self.running]))


@pytest.fixture(params=range(4))
def world(request, tmp_path):
    return World(tmp_path, Random(request.param))


@pytest.mark.parametrize("workers", [1, 3, 40])
def test_any_number_of_workers_in_any_order(world, workers):
    command = world.command()
    command.run(workers)
    statuses = world.statuses()
    assert len(statuses) == TRIALS
    assert {t for t, status in statuses.items() if status != PRUNED} == world.survivors()
    assert command.queue.queue.ended == TRIALS
    assert command.queue.rungs.alive == 0
    again = world.command()
    assert again.queue.queue.finished  # nothing is left, and nothing is written
    assert again.queue.take() is None


def test_rivals_that_are_killed_at_any_instant(world):
    """Several commands, of the whole and of parts, each of which may be gone at any time."""
    commands, kills = [], 0
    for _ in range(10_000):
        if len(commands) < 3:
            part = world.random.choice([range(TRIALS), range(8), range(6, 20)])
            commands.append(world.command(trials=part, leave_open=True))
        command = world.random.choice(commands)
        if world.random.random() < 0.1 and kills < 12:
            kills += 1
            command.kill()
            commands.remove(command)
        elif len(command.running) < 2 and world.random.random() < 0.7:
            command.start()
        elif command.running:
            command.end(world.random.choice([*command.running]))
        if command.queue.queue.finished and command in commands:
            commands.remove(command)
        if len(world.statuses()) == TRIALS:
            break
    for command in commands:
        command.kill()
    world.command().run()
    statuses = world.statuses()
    assert {t for t, status in statuses.items() if status != PRUNED} == world.survivors()


def test_none_carries_every_pruned_trial_on(world):
    world.command().run()
    world.command(pruning=None).run()
    for trial, record in world.folder.read_all().items():
        record["run"] = world.record(trial)["run"]
        assert record == world.record(trial)
    assert not list(world.folder.rungs.iterdir())
    command = world.command()  # what was carried on stays so
    assert command.queue.queue.finished


def test_another_pruning_on_the_same_folder(world):
    """A milder one carries some on; what a harsher one would prune is complete already."""
    world.command().run()
    mild = Pruning((0.2, 0.4), (0.75, 0.75), cohort=8, audit=0.25)
    world.command(mild).run()
    kept = {t for t, status in world.statuses().items() if status != PRUNED}
    assert kept == world.survivors(mild) | world.survivors()
    later = Pruning((0.4,), (0.5,), cohort=24)
    world.command(later).run()
    for trial, record in world.folder.read_all().items():
        assert record["steps"] >= 4 or world.diverges.get(trial, STEPS) <= 4


def failing(world, trial):
    """A command that ran all, of which one trial failed before its first rung."""
    command = world.command()
    while not command.queue.queue.finished:
        while len(command.running) < 3 and command.start():
            pass
        if not command.running:
            break
        for each in [*command.running]:
            command.end(each, fails=each == trial)
    return command


def test_a_cohort_waits_for_a_trial_that_failed_until_it_is_run_again(world):
    undisturbed = world.survivors()
    command = failing(world, trial=3)
    world.diverges.pop(3, None)
    assert command.queue.queue.failures == [3]
    assert command.queue.rungs.waiting
    assert "3 failed: retry_failed=true runs them again" in command.queue.rungs.why_waiting()
    if 3 in world.diverges or world.survivors() != undisturbed:
        return  # it would have diverged
    assert command.queue.rungs.waiting <= set(range(8))
    world.command().run()
    assert world.statuses()[3] == FAILED
    world.command(retry_failed=True).run()
    statuses = world.statuses()
    assert {t for t, status in statuses.items() if status != PRUNED} == undisturbed


def test_or_ranks_it_last(world):
    failing(world, trial=3)
    last = Pruning((0.2, 0.4), (0.5, 0.5), cohort=8, audit=0.25, failed="last")
    command = world.command(last)
    command.run()
    assert not command.queue.rungs.waiting
    assert len(world.statuses()) == TRIALS
    world.command(last, retry_failed=True).run()
    # Whoever it drives out has been trained on already; behind a rung it may let in another.
    kept = {t for t, status in world.statuses().items() if status != PRUNED}
    assert kept >= world.survivors(last)


def test_a_task_with_a_part_of_a_cohort_ends_at_the_open_rung_and_another_closes_it(world):
    parts = [range(first, first + 4) for first in range(0, TRIALS, 4)]
    for part in parts:
        command = world.command(trials=part, leave_open=True)
        command.run()
        assert command.queue.queue.finished
        if part.start % 8 == 0 and command.queue.rungs.waiting:
            assert "whoever brings the last of them goes on" in command.queue.rungs.why_waiting()
    for _ in range(2):
        world.command(leave_open=True).run()
    statuses = world.statuses()
    assert {t for t, status in statuses.items() if status != PRUNED} == world.survivors()


def test_one_that_was_asked_for_a_part_says_what_the_others_wait_for(tmp_path):
    world = World(tmp_path, Random(0))
    world.diverges = {}
    command = world.command(Pruning((0.2, 0.4), (0.5, 0.5), cohort=8), trials=range(4))
    command.run()
    assert command.queue.queue.finished
    assert command.queue.rungs.why_waiting().startswith(
        "4 trials wait at a rung for trial=4-7, which this command was not asked for"
    )


def test_a_request_that_ends_inside_a_cohort_is_refused():
    request = Request(STUDY, "", num_trials=20)
    with pytest.raises(ConfigError, match=r"of 16-23 of .* only a part .* \(num_trials=24\)"):
        check_cohorts(request, (), HALVING)
    check_cohorts(request, range(20, 24), HALVING)


def test_progress_counts(tmp_path):
    world = World(tmp_path, Random(1))
    world.diverges = {}
    command = world.command()
    command.run()
    rungs = command.queue.rungs
    pruned = [r for r in world.folder.read_all().values() if r["status"] == PRUNED]
    assert rungs.counts[PRUNED] == len(pruned)
    assert rungs.audited == TRIALS - len(pruned) - 6
    assert rungs.saved_share == pytest.approx(
        sum(STEPS - record["steps"] for record in pruned) / (STEPS * TRIALS)
    )
    assert world.command().queue.rungs.saved_share == rungs.saved_share


# --- rungs chosen from the first trials -----------------------------------------------------------

AUTO = Auto(probe=8, budget=4, cohort=8, audit=0.25)


def settled(world, noise):
    """Curves that say early, or never, how they end."""
    world.diverges = {}
    for errors in world.errors:
        errors[:-1] = [errors[-1] + noise * world.random.random() for _ in errors[:-1]]


@pytest.mark.parametrize("workers", [1, 5])
def test_the_first_trials_are_whole_and_the_rest_pruned_at_rungs_they_speak_for(world, workers):
    settled(world, noise=0.0)
    command = world.command(AUTO)
    command.run(workers)
    records = world.folder.read_all()
    assert {records[trial]["status"] for trial in range(8)} == {COMPLETE}
    assert [records[t]["run"].get("pruning") for t in range(8)] == [None] * 8
    rungs = command.queue.rungs.rungs
    assert (rungs.first, rungs.open) == (8, False)
    halving = world.command(rungs.pruning)
    kept = {t for t, status in world.statuses().items() if status != PRUNED}
    assert kept - set(range(8)) == {
        t for t in range(8, TRIALS) if halving.queue.rungs.fate(t) != "out"
    }
    assert {r["run"]["pruning"] for t, r in records.items() if r["status"] == PRUNED} == {
        rungs.pruning.text
    }
    (line,) = command.queue.news
    assert line.startswith(f"{STUDY.name}: {rungs.pruning.text}: by its first 8 trials ")
    again = world.command(AUTO)
    assert again.queue.queue.finished
    assert again.queue.rungs.rungs == rungs


def test_where_early_ranks_say_nothing_nothing_is_pruned(tmp_path):
    world = World(tmp_path, Random(3))
    world.diverges = {}
    auto = Auto(probe=16, budget=8, cohort=8, lost=0.01)
    command = world.command(auto)
    command.run()
    assert set(world.statuses().values()) == {COMPLETE}
    assert "no rungs: the least that any would lose is " in command.queue.news[0]
    assert command.queue.rungs.saved_share == 0


def test_rivals_choose_the_same(world):
    settled(world, noise=0.1)
    one, other = (world.command(AUTO, leave_open=True) for _ in range(2))
    parts = [
        world.command(AUTO, trials=range(first, first + 4), leave_open=True) for first in (4, 12)
    ]
    commands = [one, other, *parts]
    while any(not each.queue.queue.finished for each in commands):
        command = world.random.choice(commands)
        if not (len(command.running) < 2 and command.start()) and command.running:
            command.end(world.random.choice([*command.running]))
    world.command(AUTO).run()
    alone = World(world.folder.root / "alone", Random(0))
    alone.errors, alone.diverges = world.errors, world.diverges
    alone.command(AUTO).run()
    assert world.statuses() == alone.statuses()


def test_a_failure_among_the_first_is_waited_for_or_counts_as_the_last(tmp_path):
    world = World(tmp_path, Random(5))
    settled(world, noise=0.0)
    command = world.command(AUTO)
    while command.start() or command.running:
        for each in [*command.running]:
            command.end(each, fails=each == 3)
    assert command.queue.rungs.rungs.open
    assert "wait at a rung for trial=3, of which 3 failed" in command.queue.rungs.why_waiting()
    last = Auto(probe=8, budget=4, cohort=8, audit=0.25, failed="last")
    world.command(last).run()
    assert PRUNED in world.statuses().values()


def test_a_request_without_the_first_trials_is_refused():
    request = Request(STUDY, "", first_trial=8, num_trials=16)
    with pytest.raises(ConfigError, match="from its trials 0-7, of which 8 were never asked for"):
        check_cohorts(request, (), AUTO)
    check_cohorts(request, range(8), AUTO)
