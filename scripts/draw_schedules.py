"""Draw every shipped schedule on one picture: the learning rate's factor at each step, plain and warmed up.

    python scripts/draw_schedules.py [--out docs/schedules.png]

Left on a linear, right on a logarithmic scale; dashed with a warm-up over a tenth of the steps.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib.pyplot as plt

from harness.figures import style
from harness.training.schedule import schedule

STEPS = 1000
DRAWN: dict[str, dict[str, float]] = {
    "constant": {},
    "linear": {"decay_steps_factor": 0.8, "end_factor": 0.01},
    "step": {"drop_factor": 0.2, "drop_interval_factor": 0.25},
    "exponential": {"end_factor": 0.01},
    "inverse_time": {"end_factor": 0.01},
    "cosine": {"end_factor": 0.01},
    "wsd": {"cooldown_factor": 0.3, "end_factor": 0.01},
}
COLOURS = ("#6e6e6e", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#332288")


def factors(name: str, **axes: float) -> list[float]:
    """What the learning rate is multiplied by, ``[steps]``."""
    drawn = schedule(name)
    return [drawn(step, STEPS, **axes) for step in range(STEPS)]


def draw(out: Path) -> None:
    with style.settings():
        figure, panels = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
        share = [step / STEPS for step in range(STEPS)]
        for (name, axes), colour in zip(DRAWN.items(), COLOURS, strict=True):
            shown = ", ".join(f"{axis}={value:g}" for axis, value in axes.items())
            for panel in panels:
                panel.plot(share, factors(name, **axes), color=colour, label=f"{name}  {shown}")
                warm = factors(name, **axes, warmup_factor=0.1)
                panel.plot(share, warm, color=colour, linestyle="--", linewidth=0.8)
        panels[1].set_yscale("log")
        panels[1].yaxis.set_major_formatter("{x:g}")
        for panel in panels:
            panel.set_xlabel("step / steps")
        panels[0].set_ylabel("learning rate / the one searched")
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2)
        figure.savefig(out, dpi=130)
        plt.close(figure)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parents[1] / "docs/schedules.png"
    )
    draw(parser.parse_args().out)
