import copy
import math

import pytest
import torch
import torch.nn.functional as F

from workloads.models.char_lstm import CharLSTM


def trainable(model) -> list:
    return [p for p in model.parameters() if p.requires_grad]


@pytest.mark.parametrize(("layers", "parameters"), [(2, 284_499), (1, 284_499 - 131_584)])
def test_parameter_count_is_that_of_deepobs(layers, parameters):
    model = CharLSTM(vocabulary=83, hidden_size=128, layers=layers, dropout=0.2)
    assert sum(p.numel() for p in trainable(model)) == parameters


def tensorflow_cell(kernel, bias, x, hidden, cell):
    """tf.nn.rnn_cell.LSTMCell: one kernel, one bias, gates i, j, f, o, forget bias 1."""
    i, j, f, o = (torch.cat([x, hidden], 1) @ kernel + bias).chunk(4, 1)
    cell = torch.sigmoid(f + 1.0) * cell + torch.sigmoid(i) * torch.tanh(j)
    return torch.sigmoid(o) * torch.tanh(cell), cell


def test_a_layer_is_tensorflows_cell_with_one_bias_and_forget_bias_one():
    torch.manual_seed(0)
    model = CharLSTM(vocabulary=11, hidden_size=5, layers=1, dropout=0.2).double().eval()
    lstm = model.lstm
    torch.nn.init.normal_(lstm.bias_ih_l0)
    # [4·hidden, inputs] in torch's order i, f, j, o -> [inputs + hidden, 4·hidden] in i, j, f, o
    order = torch.arange(20).reshape(4, 5)[[0, 2, 1, 3]].flatten()
    kernel = torch.cat([lstm.weight_ih_l0, lstm.weight_hh_l0], 1)[order].T
    bias = lstm.bias_ih_l0[order]

    characters = torch.randint(11, (7, 3))
    hidden = cell = torch.zeros(3, 5, dtype=torch.float64)
    outputs = []
    for x in model.embedding(characters):
        hidden, cell = tensorflow_cell(kernel, bias, x, hidden, cell)
        outputs.append(hidden)
    logits, (last_hidden, last_cell) = model(characters, None)
    torch.testing.assert_close(logits, model.linear(torch.stack(outputs)), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(last_hidden[0], hidden, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(last_cell[0], cell, rtol=1e-12, atol=1e-12)


def test_the_forget_bias_is_no_parameter_to_train():
    model = CharLSTM(vocabulary=11, hidden_size=5, layers=2, dropout=0.2)
    for layer in range(2):
        constant = getattr(model.lstm, f"bias_hh_l{layer}")
        assert constant.tolist() == [0] * 5 + [1] * 5 + [0] * 10
        assert not constant.requires_grad
        assert not getattr(model.lstm, f"bias_ih_l{layer}").any()


def test_glorot_bounds_are_those_of_tensorflows_single_kernel():
    model = CharLSTM(vocabulary=83, hidden_size=128, layers=2, dropout=0.2)
    for name in ("weight_ih_l0", "weight_hh_l1"):
        largest = getattr(model.lstm, name).abs().max().item()
        assert largest == pytest.approx(math.sqrt(6 / (256 + 512)), rel=1e-3)
    largest = model.embedding.weight.abs().max().item()
    assert largest == pytest.approx(math.sqrt(6 / (83 + 128)), rel=1e-3)


@pytest.mark.parametrize(("layers", "between"), [(2, 0.36), (1, 0.0)])
def test_between_layers_two_masks_multiply(layers, between):
    model = CharLSTM(vocabulary=11, hidden_size=5, layers=layers, dropout=0.2)
    assert model.dropout.p == 0.2
    assert model.lstm.dropout == pytest.approx(between)


def test_gradient(assert_gradient_agrees):
    torch.manual_seed(0)
    model = CharLSTM(vocabulary=11, hidden_size=6, layers=2, dropout=0.0).double()
    characters, targets = torch.randint(11, (9, 4)), torch.randint(11, (9, 4))
    state = tuple(torch.randn(2, 4, 6, dtype=torch.float64) for _ in range(2))
    assert_gradient_agrees(
        model,
        lambda: F.cross_entropy(model(characters, state)[0].flatten(0, 1), targets.flatten()),
    )


def test_onednn_agrees_with_torchs_own_cells_and_with_parameters_in_one_flat_vector():
    """The trainer moves all parameters into one vector; the fast path must follow them there."""
    torch.manual_seed(0)
    model = CharLSTM(vocabulary=83, hidden_size=32, layers=2, dropout=0.0)
    characters = torch.randint(83, (20, 8))
    fast, _ = model(characters, None)
    plain, _ = copy.deepcopy(model).double()(characters, None)  # oneDNN has no float64
    torch.testing.assert_close(fast, plain.float(), rtol=1e-4, atol=1e-5)

    flat = torch.cat([p.detach().flatten() for p in trainable(model)])
    offset = 0
    for parameter in trainable(model):
        parameter.data = flat[offset : offset + parameter.numel()].view_as(parameter)
        offset += parameter.numel()
    moved, _ = model(characters, None)
    torch.testing.assert_close(moved, fast, rtol=1e-5, atol=1e-6)
    flat.zero_()
    assert not model(characters, None)[0].any()


def test_initial_loss():
    torch.manual_seed(0)
    model = CharLSTM(vocabulary=83, hidden_size=128, layers=2, dropout=0.2)
    logits, _ = model(torch.randint(83, (50, 50)), None)
    loss = F.cross_entropy(logits.flatten(0, 1), torch.randint(83, (2500,)))
    assert loss.item() == pytest.approx(math.log(83), abs=0.05)


def test_overfitting_one_batch():
    torch.manual_seed(0)
    model = CharLSTM(vocabulary=11, hidden_size=32, layers=2, dropout=0.0)
    characters, targets = torch.randint(11, (10, 4)), torch.randint(11, (10, 4))
    characters[0] = torch.arange(4)  # streams that begin alike cannot be told apart there
    optimizer = torch.optim.Adam(trainable(model), lr=2e-2)
    for _ in range(150):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(characters, None)[0].flatten(0, 1), targets.flatten())
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.01


@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_layer_by_layer_it_computes_the_same(dropout):
    """The way taken on a GPU, where dropout inside cuDNN's call would not resume."""
    torch.manual_seed(0)
    model = CharLSTM(11, 8, 3, dropout)
    inputs = torch.randn(5, 4, 8)
    state = (torch.randn(3, 4, 8), torch.randn(3, 4, 8))
    model.eval() if dropout else model.train()
    for given in (None, state):
        outputs, (hidden, cell) = model._by_layer(inputs, given)
        expected, (their_hidden, their_cell) = model.lstm(inputs, given)
        torch.testing.assert_close(outputs, expected, rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(hidden, their_hidden, rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(cell, their_cell, rtol=1e-5, atol=1e-6)


def test_layer_by_layer_dropout_is_torchs_own():
    model = CharLSTM(11, 8, 2, 0.2).train()
    inputs = torch.randn(5, 4, 8)
    torch.manual_seed(3)
    before = torch.get_rng_state()
    first, _ = model._by_layer(inputs, None)
    again, _ = model._by_layer(inputs, None)
    torch.set_rng_state(before)
    resumed, _ = model._by_layer(inputs, None)
    assert torch.equal(first, resumed)
    assert not torch.equal(first, again)
