import math

import pytest
import torch
import torch.nn.functional as F

from workloads.models.transformer import Transformer, sinusoids

SMALL = {"vocabulary": 40, "width": 16, "layers": 2, "heads": 2, "mlp": 32, "positions": 12}


def small(**further):
    torch.manual_seed(0)
    return Transformer(**SMALL | further)


def test_parameter_count():
    base = Transformer(32_000, width=512, layers=6, heads=8, mlp=2048, positions=128)
    assert sum(p.numel() for p in base.parameters()) == 35_299_328


def test_gradient(assert_gradient_agrees):
    model = small().double()
    tokens, targets = torch.randint(40, (2, 3, 7))
    assert_gradient_agrees(
        model, lambda: F.cross_entropy(model(tokens).flatten(0, 1), targets.flatten())
    )


def test_no_position_sees_what_follows():
    model, tokens = small(), torch.randint(1, 40, (1, 10))
    changed = tokens.clone()
    changed[0, 6:] = (tokens[0, 6:] + 1) % 40
    before, after = model(tokens), model(changed)
    torch.testing.assert_close(before[:, :6], after[:, :6], rtol=0, atol=0)
    assert (before[:, 6] - after[:, 6]).abs().max() > 1e-4


def test_positions_matter():
    model = small()
    logits = model(torch.full((1, 4), 7))
    assert (logits[0, 0] - logits[0, 3]).abs().max() > 1e-3


def test_sinusoids_are_those_of_the_paper():
    table = sinusoids(50, 8)
    for position, i in ((0, 0), (3, 0), (49, 3)):
        angle = position / 10_000 ** (2 * i / 8)
        assert table[position, 2 * i] == pytest.approx(math.sin(angle), abs=1e-5)
        assert table[position, 2 * i + 1] == pytest.approx(math.cos(angle), abs=1e-5)


def test_the_initial_loss_is_that_of_guessing():
    model = small(vocabulary=500, width=64)
    tokens, targets = torch.randint(500, (2, 16, 12))
    loss = F.cross_entropy(model(tokens).flatten(0, 1), targets.flatten())
    assert loss.item() == pytest.approx(math.log(500), rel=0.03)


def test_weights_that_end_in_the_residual_stream_are_smaller():
    block = Transformer(10, width=256, layers=8, heads=2, mlp=512, positions=4).blocks[3]
    assert block.mlp_input.weight.std().item() == pytest.approx(0.02, rel=0.02)
    for ends in (block.attention_output, block.mlp_output):
        assert ends.weight.std().item() == pytest.approx(0.02 / 4, rel=0.02)


def test_overfitting_twenty_sentences():
    model, tokens = small(), torch.randint(1, 40, (20, 9))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(150):
        loss = F.cross_entropy(model(tokens[:, :-1]).flatten(0, 1), tokens[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.35  # the first of each sentence can only be guessed at; 1/8 of all
