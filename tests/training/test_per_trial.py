"""Hyperparameters of many trials act in a rule as each trial's floats would, to the bit."""

import pytest
import torch

from harness.training.per_trial import PerTrial
from harness.training.rules import RULES

TRIALS, PARAMETERS, STEPS = 5, 40, 12


def drawn(rule):
    random = torch.Generator().manual_seed(3)
    gradients = torch.randn(STEPS, TRIALS, PARAMETERS, generator=random)
    # Near 1, where float32 would have lost what 1 - beta is.
    values = (
        1 - 10 ** (-5 * torch.rand(len(rule.hyperparameters), TRIALS, generator=random)).double()
    )
    named = dict(zip(rule.hyperparameters, values.tolist(), strict=True))
    return gradients, named


def steps(rule, gradients, hyperparameters):
    state = [torch.full_like(gradients[0], value) for value in rule.initial_state.values()]
    found = []
    for t, g in enumerate(gradients, start=1):
        step, *state = rule.update(g, *state, t, **hyperparameters)
        found.append(step)
    return torch.stack(found)


@pytest.mark.parametrize("name", RULES)
def test_a_rule_makes_the_same_steps_of_many_trials_as_of_each(name):
    rule = RULES[name]
    gradients, named = drawn(rule)
    together = steps(rule, gradients, {key: PerTrial(each) for key, each in named.items()})
    assert together.dtype == torch.float32  # promoted by no float64 hyperparameter
    for trial in range(TRIALS):
        own = {key: each[trial] for key, each in named.items()}
        assert torch.equal(together[:, trial], steps(rule, gradients[:, trial], own))


def test_among_themselves_and_with_numbers_they_keep_what_floats_keep():
    one, other = [0.25, 1 - 1e-9], [3.0, 1e-12]
    a, b = PerTrial(one), PerTrial(other)
    found = (2 / (1 - a) + b * 3 - (-a) ** 2) / (1 + b)
    plain = [(2 / (1 - x) + y * 3 - (-x) ** 2) / (1 + y) for x, y in zip(one, other, strict=True)]
    assert found.values.flatten().tolist() == pytest.approx(plain, rel=1e-15)
    assert a[torch.tensor([1])].values.tolist() == [[1 - 1e-9]]
