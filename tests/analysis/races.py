"""Simulated sweeps of two optimizers, for the error rates of tests. No experiment behind them.

Every maker gives two `Sample`s from a generator and the numbers of trials. Errors are uniform for A;
B wins ``odds`` races for each it loses, at every budget: its share of trials above x is A's to the
``odds``.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy import stats
from scipy.stats import qmc

from harness.analysis.paired import Sample


def samples(a, b):
    """Two tables; a NaN is a trial that diverged and so has no place in its table."""
    places = [np.arange(len(column)) for column in (a, b)]
    return [
        Sample(column[~np.isnan(column)], place[~np.isnan(column)])
        for column, place in zip((a, b), places, strict=True)
    ]


def winning(u, odds):
    return 1 - (1 - u) ** (1 / odds)


def independent(rng, n, m, odds=1.0):
    """Nothing in common."""
    return samples(rng.random(n), winning(rng.random(m), odds))


def common_surface(rng, n, m, odds=1.0, *, noise=0.15, extra=0):
    """Both see one valley over four shared axes, each trial with luck of its own; B ``extra`` axes more."""
    points = halton(4 + extra, max(n, m), rng)
    shared = ((points[:, :4] - 0.5) ** 2).sum(axis=1)
    a = 6 * shared + noise * rng.standard_normal(len(points))
    b = a - a + 6 * shared + noise * rng.standard_normal(len(points))
    b += 2 * ((points[:, 4:] - 0.5) ** 2).sum(axis=1)
    one, other = rank(noise, 0), rank(noise, extra)
    return samples(one(a[:n]), winning(other(b[:m]), odds))


def halton(axes, count, rng):
    """Of sixty-four searches, one."""
    return searched(axes, count, int(rng.integers(64)))


@cache
def searched(axes, count, seed):
    return qmc.Halton(axes, scramble=True, rng=np.random.default_rng(seed)).random(count)


@cache
def rank(noise, extra):
    """The distribution function of errors on the surface, from 200,000 trials."""
    rng = np.random.default_rng(7)
    u = rng.random((200_000, 4 + extra))
    errors = 6 * ((u[:, :4] - 0.5) ** 2).sum(axis=1) + 2 * ((u[:, 4:] - 0.5) ** 2).sum(axis=1)
    ordered = np.sort(errors + noise * rng.standard_normal(len(u)))
    return lambda x: (np.searchsorted(ordered, x) + 0.5) / (len(ordered) + 1)


def diverging(make, share=0.2):
    """B loses a share of its trials, whatever they would have been."""

    def made(rng, n, m, odds=1.0):
        a, b = make(rng, n, m, odds)
        kept = rng.random(len(b.errors)) >= share
        return a, Sample(b.errors[kept], b.places[kept])

    return made


def on_a_grid(make, images=360):
    """Errors as a validation set of that many images gives them."""

    def made(rng, n, m, odds=1.0):
        return [
            Sample(np.round(stats.beta(2, 30).ppf(one.errors) * images) / images, one.places)
            for one in make(rng, n, m, odds)
        ]

    return made


def steadier(make, budget, width=0.5):
    """B's best of K spreads half as far around the same median: not alike, and each wins half."""

    def made(rng, n, m, odds=1.0):
        a, b = make(rng, n, m)
        best = 1 - (1 - b.errors) ** budget
        narrow = 1 - (0.5 - width * (best - 0.5)) ** (1 / budget)
        return a, Sample(narrow, b.places)

    return made
