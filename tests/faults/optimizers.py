"""Optimizers that misbehave at their second step, in the way the hyperparameter `fault` says."""

import ctypes
import os
import resource
import time

import torch

FAULTS = ("none", "raises", "segfault", "memory", "hangs", "nan", "infinite", "exits")


class Faulty(torch.optim.SGD):
    def __init__(self, params, lr, fault):
        super().__init__(params, lr=lr)
        self.fault, self.steps = FAULTS[int(fault)], 0

    def step(self, closure=None):
        super().step(closure)
        self.steps += 1
        if self.steps == 2 and self.fault != "none" and not os.environ.get("FAULTS_MENDED"):
            getattr(self, self.fault)()

    def raises(self):
        raise ZeroDivisionError("a bug in somebody's optimizer")

    def segfault(self):
        ctypes.string_at(0)

    def memory(self):
        """Under a limit on the address space, as a batch system or `ulimit -v` sets it."""
        before = resource.getrlimit(resource.RLIMIT_AS)
        with open("/proc/self/statm") as file:
            used = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + 2**28, before[1]))
        try:
            torch.ones(2**30)
        finally:
            resource.setrlimit(resource.RLIMIT_AS, before)

    def hangs(self):
        while True:
            time.sleep(1)

    def nan(self):
        self._fill(float("nan"))

    def infinite(self):
        self._fill(3e38)

    def exits(self):
        raise SystemExit(3)

    @torch.no_grad()
    def _fill(self, value):
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.fill_(value)
