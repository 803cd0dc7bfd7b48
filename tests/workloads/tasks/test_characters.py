import numpy as np
import pytest
import torch
import torch.nn.functional as F

from workloads.task import DataError
from workloads.tasks import characters
from workloads.tasks.characters import CharacterTask, code, split, streams

MODEL = {"hidden_size": 8, "layers": 2, "dropout": 0.0, "sequence_length": 5}


def text(length: int = 4_000) -> str:
    return "".join(np.random.default_rng(0).choice(list("abcde\r\n é"), length))


def task(batch_size: int = 4, length: int = 4_000, **model) -> CharacterTask:
    return CharacterTask(text(length), "made", MODEL | model, batch_size, "cpu")


def test_coding_is_undone_by_the_vocabulary():
    coded = code("a\r\nbé a")
    assert coded.vocabulary == "\n\r abé"
    assert "".join(coded.vocabulary[i] for i in coded.ids) == "a\r\nbé a"


@pytest.mark.parametrize("text", ["", "aaa", "".join(map(chr, range(1000, 1300)))])
def test_a_text_that_cannot_be_learned_is_refused(text):
    with pytest.raises(DataError, match=r"^the text has \d+ (characters|distinct)"):
        CharacterTask(text, "made", MODEL, 4, "cpu")


@pytest.mark.parametrize("size", [1000, 1007, 3_266_185])
def test_the_parts_are_the_text_in_order(size):
    ids = np.arange(size)
    parts = split(ids)
    assert list(parts) == ["train", "validation", "test"]
    assert np.array_equal(np.concatenate(list(parts.values())), ids)
    assert len(parts["test"]) == size // 5
    assert len(parts["validation"]) == (size - size // 5) // 10


def test_the_test_part_has_the_size_of_deepobs():
    assert len(split(np.zeros(3_266_185))["test"]) == 653_237


def deepobs_batches(ids, batch_size, length):
    """DeepOBS's layout, said slowly: [batch, streams, time] of characters and successors."""
    count = 0
    while (count + 1) * batch_size * length <= len(ids) - 1:
        count += 1
    inputs = np.empty((count, batch_size, length), dtype=ids.dtype)
    targets = np.empty_like(inputs)
    for batch in range(count):
        for stream in range(batch_size):
            for time in range(length):
                position = stream * count * length + batch * length + time
                inputs[batch, stream, time] = ids[position]
                targets[batch, stream, time] = ids[position + 1]
    return inputs, targets


@pytest.mark.parametrize("size", [61, 79, 80, 81, 100])
def test_streams_have_the_layout_of_deepobs(size):
    ids = np.arange(size, dtype=np.uint8)
    inputs, targets = streams(ids, count=4, length=5)
    expected = deepobs_batches(ids, 4, 5)
    for found, wanted in zip((inputs, targets), expected, strict=True):
        by_batch = np.stack([part.T.numpy() for part in found.split(5)])
        assert np.array_equal(by_batch, wanted)


def test_a_text_too_short_for_one_minibatch_is_refused():
    assert len(streams(np.arange(21), 4, 5)[0]) == 5
    for size in (20, 1, 0):
        message = rf"4 streams of 5 .* need 21 .* has {size}: give a longer text"
        with pytest.raises(DataError, match=message):
            streams(np.arange(size), 4, 5)


def test_minibatches_follow_each_other_and_start_again_after_an_epoch():
    made = task()
    coded = code(text())
    training = split(coded.ids)["train"]
    assert made.steps_per_epoch == (len(training) - 1) // 20
    inputs, targets = deepobs_batches(training, 4, 5)
    for step in (
        0,
        1,
        made.steps_per_epoch - 1,
        made.steps_per_epoch,
        5 * made.steps_per_epoch + 2,
    ):
        batch = step % made.steps_per_epoch
        found_inputs, found_targets = made.minibatch(step)
        assert np.array_equal(found_inputs.T, inputs[batch])
        assert np.array_equal(found_targets.T, targets[batch])


def test_the_carried_state_equals_one_long_unrolled_forward():
    made = task()
    torch.manual_seed(0)
    model = made.model().double()
    losses, carry = [], None
    for step in range(4):
        loss, carry = made.train_loss(model, step, 0, carry)
        losses.append(loss)
    batches = [made.minibatch(step) for step in range(4)]
    inputs, targets = (torch.cat(parts) for parts in zip(*batches, strict=True))
    logits, state = model(inputs, None)
    for step in range(4):
        part = slice(5 * step, 5 * step + 5)
        expected = F.cross_entropy(logits[part].flatten(0, 1), targets[part].flatten())
        torch.testing.assert_close(losses[step], expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(carry, tuple(state), rtol=1e-12, atol=1e-12)


def test_the_state_matters_within_an_epoch_and_is_reset_at_its_start():
    made = task()
    torch.manual_seed(0)
    model = made.model()
    carry = tuple(torch.ones(2, 4, 8) for _ in range(2))
    for step, matters in [
        (1, True),
        (made.steps_per_epoch, False),
        (made.steps_per_epoch + 1, True),
    ]:
        with_state, _ = made.train_loss(model, step, 0, carry)
        without, _ = made.train_loss(model, step, 0, None)
        assert (with_state.item() != without.item()) == matters


def test_what_is_carried_can_be_stored_and_holds_no_graph():
    made = task()
    _, carry = made.train_loss(made.model(), 0, 0, None)
    assert [tuple(tensor.shape) for tensor in carry] == [(2, 4, 8), (2, 4, 8)]
    assert not any(tensor.requires_grad for tensor in carry)


def test_dropout_draws_from_the_global_generator_and_the_data_from_none():
    made = task(dropout=0.5)
    model = made.model()

    def loss(seed: int, data_seed: int) -> float:
        torch.manual_seed(seed)
        return made.train_loss(model, 0, data_seed, None)[0].item()

    assert loss(0, 0) == loss(0, 1)
    assert loss(0, 0) != loss(1, 0)


@pytest.mark.parametrize("part", ["validation", "test"])
def test_evaluation_equals_one_character_at_a_time(part, monkeypatch):
    monkeypatch.setattr(characters, "EVALUATION_STREAMS", 3)
    monkeypatch.setattr(characters, "EVALUATION_LENGTH", 7)
    made = task(dropout=0.5)
    torch.manual_seed(0)
    model = made.model().double()
    ids = split(code(text()).ids)[part].astype(np.int64)
    length = (len(ids) - 1) // 15 * 5  # of each of 3 streams
    model.eval()
    wrong, losses = [], []
    with torch.no_grad():
        for stream in range(3):
            state = None
            for position in range(stream * length, (stream + 1) * length):
                logits, state = model(torch.tensor([[ids[position]]]), state)
                successor = ids[position + 1]
                losses.append(-torch.log_softmax(logits[0, 0], 0)[successor].item())
                wrong.append(logits[0, 0].argmax().item() != successor)
    model.train()
    error_rate, loss = made.evaluate(model, part)
    assert error_rate == pytest.approx(np.mean(wrong), rel=1e-12)
    assert loss == pytest.approx(np.mean(losses), rel=1e-12)
    assert model.training


def test_the_description_says_what_was_read():
    made = task()
    assert made.num_classes == 9
    assert made.data_description["train"] == 2880
    assert made.data_description["vocabulary"] == 9
    other = CharacterTask(text()[:-1] + "a", "made", MODEL, 4, "cpu")
    assert made.data_description["sha256"] != other.data_description["sha256"]
