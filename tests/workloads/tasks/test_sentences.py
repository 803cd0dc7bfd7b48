import numpy as np
import pytest
import torch
import torch.nn.functional as F

from workloads.data.lm1b import END, Sentences
from workloads.models.transformer import Transformer
from workloads.task import DataError
from workloads.tasks.sentences import NO_TARGET, Buckets, SentenceTask


def sentences(count, seed, longest=40):
    random = np.random.default_rng(seed)
    lengths = random.integers(2, longest, count)
    tokens = random.integers(1, 30, lengths.sum()).astype(np.uint16)
    ends = lengths.cumsum()
    tokens[ends - 1] = END
    return Sentences(tokens, ends)


@pytest.fixture
def task():
    splits = {name: sentences(*of) for name, of in
              {"train": (200, 0), "validation": (30, 1), "test": (37, 2)}.items()}  # fmt: skip
    return SentenceTask(
        splits,
        {"label": "made", "sha256": "0" * 64},
        build_model=lambda: Transformer(30, width=16, layers=1, heads=2, mlp=32, positions=40),
        batch_size=8,
        device="cpu",
    )


def one_by_one(task, model, split):
    """Losses of every token, each sentence by itself."""
    tokens, ends = task._splits[split]
    start, losses = 0, []
    for end in ends:
        sentence = torch.from_numpy(tokens[start:end].astype(np.int64))
        inputs = torch.cat([torch.tensor([END]), sentence[:-1]])
        losses.append(F.cross_entropy(model(inputs[None])[0], sentence, reduction="none"))
        start = end
    return losses


def test_the_shortest_come_first_where_length_is_the_difficulty(task):
    lengths = task.training_lengths()
    assert len(lengths) == 200
    task.in_order(lengths.numpy().astype(float), name="naive", start=0.1, pace_steps=50)
    longest = [task.minibatch(step, 5)[0].shape[1] for step in (0, 50)]
    assert longest[0] <= lengths.sort().values[19] < longest[1]
    assert torch.equal(task.minibatch(3, 5)[0], task.minibatch(3, 5)[0])


def test_evaluation_equals_one_sentence_at_a_time(task):
    torch.manual_seed(0)
    model = task.model().double()
    with torch.no_grad():
        expected = torch.cat(one_by_one(task, model, "test")).mean().item()
    assert task.evaluate(model, "test") == pytest.approx((expected, expected), rel=1e-9)
    assert model.training


def test_the_training_loss_is_that_of_the_minibatch(task):
    torch.manual_seed(0)
    model = task.model().double()
    losses = one_by_one(task, model, "train")
    chosen = task._order.minibatch(3, 5)
    expected = torch.cat([losses[each] for each in chosen]).mean()
    loss, carry = task.train_loss(model, 3, 5, None)
    torch.testing.assert_close(loss, expected)
    assert carry is None


def test_targets_follow_their_inputs_and_padding_has_none(task):
    inputs, targets = task.minibatch(0, 0)
    assert inputs.shape == targets.shape
    assert (inputs[:, 0] == END).all()
    known = targets != NO_TARGET
    lengths = known.sum(1)
    assert lengths.max() == inputs.shape[1]
    for row, length in enumerate(lengths):
        assert known[row, :length].all()
        assert targets[row, length - 1] == END
        assert torch.equal(inputs[row, 1:length], targets[row, : length - 1])


def test_a_minibatch_is_of_one_bucket_and_no_sentence_comes_twice_an_epoch():
    lengths = np.random.default_rng(0).integers(1, 129, 500)
    order = Buckets(lengths, 16)
    seen = [order.minibatch(step, 4) for step in range(len(order))]
    for chosen in seen:
        low, high = lengths[chosen].min(), lengths[chosen].max()
        assert any(a < low and high <= b for a, b in ((0, 16), (16, 32), (32, 64), (64, 128)))
    everything = np.concatenate(seen)
    assert len(set(everything)) == len(everything) > 500 - 4 * 16
    lengths_met = [lengths[chosen].max() for chosen in seen]
    assert lengths_met != sorted(lengths_met)


def test_minibatches_depend_on_seed_and_step_alone():
    lengths = np.random.default_rng(0).integers(1, 129, 500)
    forward, backward = Buckets(lengths, 16), Buckets(lengths, 16)
    steps = range(3 * len(forward))
    ahead = [forward.minibatch(step, 7) for step in steps]
    back = [backward.minibatch(step, 7) for step in reversed(steps)][::-1]
    assert all(np.array_equal(a, b) for a, b in zip(ahead, back, strict=True))
    epoch = len(forward)
    assert not np.array_equal(ahead[0], ahead[epoch])
    assert not np.array_equal(ahead[0], forward.minibatch(0, 8))


def test_too_few_sentences_for_a_minibatch_are_refused():
    with pytest.raises(DataError, match=r"3 training sentences fill no minibatch of 4: give more"):
        Buckets(np.array([5, 6, 7]), 4)
