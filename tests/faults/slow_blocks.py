"""digits_logistic whose stacked steps last, so that something can happen meanwhile; one log line a block."""

import os
import time

from workloads.digits_logistic import check_model, load, prepare  # noqa: F401
from workloads.tasks.stacked_images import StackedImages

STEP_SECONDS = 0.1


def load_stacked(data, model, batch_size, device):
    return SlowBlocks(load(data, model, batch_size, device))


class SlowBlocks(StackedImages):
    def train_losses(self, parameters, step, seeds, carry):
        time.sleep(STEP_SECONDS)
        if step == 3:
            with open(os.environ["TINY_LOG"], "a") as file:
                file.write(f"{len(seeds)}\n")
        return super().train_losses(parameters, step, seeds, carry)
