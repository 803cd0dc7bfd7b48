"""``harness key=value …``: train the trials of a study or a sweep, and report on them if asked to."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.commands import one_line
from harness.commands.verbs import check_first
from harness.errors import EXIT_COMPLETE, EXIT_SIGNAL, ConfigError

if TYPE_CHECKING:
    from harness.config.build import Job
    from harness.study.request import Request


def main(arguments: Sequence[str]) -> int:
    """Compose the configurations, check them all, run their trials in one pool."""
    from harness.config import compose

    check_first(arguments)
    jobs = compose.compose(arguments)
    if not jobs:  # something was printed
        return EXIT_COMPLETE
    if not compose.launches_elsewhere(arguments):
        return run(jobs)
    from harness.config import build

    requests = build.requests(jobs)  # checked here, before any process is started
    _check_report(jobs[0][0], requests)
    compose.launch(arguments, _run_elsewhere, requests[0].root)
    return _report(jobs, requests)


def run(jobs: Sequence[Job]) -> int:
    """Run the trials of composed configurations; the exit status of `harness.running.runner.run`."""
    from harness.config import build, how
    from harness.running import runner

    requests = build.requests(jobs)
    _check_report(jobs[0][0], requests)
    status = runner.run(requests, how.common_options([config for config, _ in jobs]))
    if status > EXIT_SIGNAL:
        return status
    return max(status, _report(jobs, requests))


def _run_elsewhere(job: Job) -> int:
    """In a process that a launcher started: say what went wrong there, and give the exit status."""
    from harness.config import build, how
    from harness.running import runner

    try:
        return runner.run(build.requests([job]), how.common_options([job[0]]))
    except Exception as error:
        return one_line.refuse("harness", error)


def _check_report(config: Any, requests: Sequence[Request]) -> None:
    """That a report of them can be written, before they take hours: it compares one study a pair."""
    if not config.report:
        return
    from harness.report.writing import writable

    seen: dict[tuple[str, str], str] = {}
    for study in (request.study for request in requests):
        first = seen.setdefault((study.workload, study.optimizer), study.fingerprint)
        if first != study.fingerprint:
            raise ConfigError(
                f"report= compares one study a workload and optimizer, and this command runs two of"
                f" {study.workload}/{study.optimizer} ({first}, {study.fingerprint}); leave report="
                " out, and choose with study= or pool=true in harness report"
            )
    writable(_folder(config), named_by="report=")


def _report(jobs: Sequence[Job], requests: Sequence[Request]) -> int:
    """Write the report asked for, of the studies asked for; or say how to get one."""
    from harness.running.saying import tell

    config = jobs[0][0]
    roots = list(dict.fromkeys(request.root for request in requests))
    if not config.report:
        places = " ".join(one_line.quoted(root) for root in roots)
        verb = "report" if config.pruning.name.value == "none" else "pruned"
        tell(f"records are under {places}; harness {verb} {places} --out DIR compares them")
        return EXIT_COMPLETE
    from harness.config import shipped
    from harness.report.writing import write_report

    # The root may hold other studies too: of the same pair with an edited space, of other settings.
    asked_for = [request.study.fingerprint for request in requests]
    if config.pruning.name.value != "none":
        from harness.commands import pruned

        pruned.write(roots, _folder(config), asked_for)
        return EXIT_COMPLETE
    write_report(roots, _folder(config), only=asked_for, folders=[shipped.folder()])
    return EXIT_COMPLETE


def _folder(config: Any) -> Path:
    return Path(os.path.expanduser(config.report))  # where there is no home, as it is
