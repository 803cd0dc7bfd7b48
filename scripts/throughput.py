"""How much of a bare PyTorch loop's speed does a sweep keep?

Trains digits_cnn with momentum twice, at the same step count, batch size and evaluations: as a sweep
of the harness, and as a plain loop in one process (one thread) with torch.optim.SGD. Prints

    sweep trials/s  /  (workers x bare trials/s)

Both are timed after their start-up (imports, data), as the median of several rounds that alternate,
so that other work on the machine disturbs them alike.

    python scripts/throughput.py [--rounds 5] [--trials 32] [--workers 2]
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time

import torch
import torch.nn.functional as F

LR, MOMENTUM = 0.05, 0.9


def bare_loop(trials: int, steps: int, batch_size: int, eval_every: int, width: int) -> float:
    """Trials per second of an ordinary training script: model, loader, optimizer, evaluation."""
    from workloads.models.small_cnn import small_cnn

    torch.set_num_threads(1)
    train, validation, test = (split(name) for name in ("train", "validation", "test"))
    started = time.perf_counter()
    for trial in range(trials):
        torch.manual_seed(trial)
        model = small_cnn(width, num_classes=10).to(memory_format=torch.channels_last)
        optimizer = torch.optim.SGD(model.parameters(), lr=LR, momentum=MOMENTUM)
        decay = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.1, total_iters=steps)
        order = torch.randperm(len(train[1]))
        at = 0
        for step in range(1, steps + 1):
            if at + batch_size > len(order):
                order, at = torch.randperm(len(train[1])), 0
            batch = order[at : at + batch_size]
            at += batch_size
            loss = F.cross_entropy(model(train[0][batch]), train[1][batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            decay.step()
            if not loss.isfinite():
                raise RuntimeError("the benchmark's own setting diverged")
            if step % eval_every == 0:
                evaluate(model, *validation)
        evaluate(model, *test)
    return trials / (time.perf_counter() - started)


@torch.no_grad()
def evaluate(
    model: torch.nn.Module, images: torch.Tensor, labels: torch.Tensor
) -> tuple[float, float]:
    model.eval()
    logits = model(images)
    model.train()
    error = (logits.argmax(1) != labels).float().mean().item()
    return error, F.cross_entropy(logits, labels).item()


def split(name: str) -> tuple[torch.Tensor, torch.Tensor]:
    """One split as normalised float tensors, resident."""
    from sklearn.datasets import load_digits

    from workloads.tasks.digits import SPLIT_SEED, SPLIT_SIZES
    from workloads.tasks.splits import stratified_split

    images, labels = load_digits(return_X_y=True)
    parts = dict(
        zip(
            SPLIT_SIZES,
            stratified_split(labels, list(SPLIT_SIZES.values()), SPLIT_SEED),
            strict=True,
        )
    )
    x = (torch.tensor(images[parts[name]], dtype=torch.float32).view(-1, 1, 8, 8) - 4.9) / 6.0
    return x.contiguous(memory_format=torch.channels_last), torch.tensor(labels[parts[name]])


def sweep(trials: int, workers: int, workload: dict, width: int) -> float:
    """Trials per second of the harness once its workers are up: the same training, as a study."""
    from harness.config import build
    from harness.config.compose import compose
    from harness.records.reading import read_records
    from harness.running.options import Options
    from harness.running.runner import run

    words = [
        "workload=digits_cnn",
        "optimizer=momentum",
        "search_space=digits_cnn/paper/momentum",
        f"search_space.lr={LR}",
        f"search_space.one_minus_momentum={1 - MOMENTUM}",
        "schedule.end_factor=0.1",
        "schedule.decay_steps_factor=1.0",
        f"model.width={width}",
        f"num_trials={trials}",
        *(f"workload.{key}={value}" for key, value in workload.items()),
    ]
    with tempfile.TemporaryDirectory() as root:
        requests = build.requests(compose([*words, f"root={root}"]))
        run(requests, Options(workers=workers, device="cpu", quiet=True))
        runs = [record["run"] for record in read_records(root)]
    # A worker's first trial opens the data and warms up; the clock starts when each has done one.
    starts = sorted(each["started_at"] for each in runs)
    ends = [each["started_at"] + each["train_seconds"] for each in runs]
    return (trials - workers) / (max(ends) - starts[workers])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--trials", type=int, default=32)
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    arguments = parser.parse_args()
    workload = {"steps": 400, "batch_size": 64, "eval_every": 40}
    bare_loop(2, width=16, **workload)  # warm up
    ratios = []
    for round_number in range(1, arguments.rounds + 1):
        bare = bare_loop(max(arguments.trials // arguments.workers, 4), width=16, **workload)
        swept = sweep(arguments.trials, arguments.workers, workload, width=16)
        ratios.append(swept / (arguments.workers * bare))
        print(
            f"round {round_number}: bare loop {bare:.2f} trials/s, sweep with {arguments.workers}"
            f" workers {swept:.2f} trials/s: {ratios[-1]:.0%} of {arguments.workers} x bare",
            flush=True,
        )
    print(f"median of {len(ratios)}: {statistics.median(ratios):.0%}")


if __name__ == "__main__":
    main()
