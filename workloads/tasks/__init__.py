"""Minibatches, losses and evaluations over data that is open: what a workload is made of."""
