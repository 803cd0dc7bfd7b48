"""Slurm."""

from __future__ import annotations


def requeue_after(signal: int) -> None:
    """To come."""
