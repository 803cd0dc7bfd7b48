"""Compare optimizers fairly: same workload, each tuned on its own search space, with known uncertainty."""

__version__ = "0.1.0"
