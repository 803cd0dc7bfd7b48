import numpy as np
import pytest
import torch
from torch import nn

from workloads.tasks import images
from workloads.tasks.images import ImageTask, Preparation

TRAIN = 37


def task(batch_size: int = 8, height: int = 6, width: int = 5, **preparation) -> ImageTask:
    """60 images, each of one grey value, its index, so that a pixel says which image it is."""
    images = np.empty((60, height, width, 3), dtype=np.uint8)
    images[:] = np.arange(60)[:, None, None, None]
    order = np.random.default_rng(1).permutation(60)
    parts = {"train": order[:TRAIN], "validation": order[TRAIN:50], "test": order[50:]}
    return ImageTask(
        images,
        np.arange(60) % 10,
        parts,
        build_model=lambda: nn.Sequential(nn.Flatten(), nn.Linear(3 * height * width, 10)),
        preparation=Preparation(**{"mean": [1.0, 2.0, 3.0], "std": [4.0, 5.0, 6.0]} | preparation),
        batch_size=batch_size,
        device="cpu",
        data_description={},
    )


# --- minibatches --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "preparation", [{}, {"crop_pad": 2}, {"crop_pad": 2, "colours": True}], ids=str
)
def test_minibatches_are_a_pure_function_of_seed_and_step(preparation):
    forwards, backwards = task(**preparation), task(**preparation)
    drawn = {step: forwards.minibatch(step, 3) for step in range(12)}
    for step in (11, 4, 0, 5):
        backwards.minibatch(step, 4)  # another trial on the same task, in between
        torch.manual_seed(step)  # and other draws from the global generators
        np.random.seed(step)
        images, labels = backwards.minibatch(step, 3)
        assert torch.equal(images, drawn[step][0])
        assert torch.equal(labels, drawn[step][1])
    assert not torch.equal(forwards.minibatch(0, 4)[0], drawn[0][0])


def test_labels_belong_to_their_images():
    images, labels = task().minibatch(3, 0)
    assert torch.equal(images[:, 0, 0, 0] % 10, labels)


def test_augmentation_draws_every_shift_and_both_sides_equally_often():
    """4,000 draws: half are mirrored, and of the rest each of 25 shifts has its share; 4.5 sd."""
    made = task(batch_size=4_000, crop_pad=2)
    position = torch.arange(64).to(torch.uint8).reshape(1, 8, 8, 1)  # a pixel says where it was
    made._images = position.repeat(60, 1, 1, 1)
    images, _ = made.minibatch(0, 0)
    here, left = images[:, 4, 4, 0].long(), images[:, 4, 3, 0].long()
    mirrored = here < left
    assert abs(mirrored.sum().item() - 2_000) < 4.5 * (4_000 / 4) ** 0.5
    counts = torch.bincount(here[~mirrored], minlength=64).reshape(8, 8)
    expected = (~mirrored).sum().item() / 25
    assert counts[2:7, 2:7].sum() == (~mirrored).sum()
    assert (counts[2:7, 2:7] - expected).abs().max() < 4.5 * expected**0.5


def test_every_step_and_seed_draws_its_own_augmentation():
    made = task(batch_size=50, crop_pad=2)
    made._images = torch.arange(64).to(torch.uint8).reshape(1, 8, 8, 1).repeat(60, 1, 1, 1)
    draws = [made.minibatch(step, seed)[0][:, 4, 4, 0] for step, seed in [(0, 0), (1, 0), (0, 1)]]
    for first, second in [(0, 1), (0, 2), (1, 2)]:
        assert (draws[first] == draws[second]).float().mean() < 0.5  # about 1 in 25 by chance


def test_inputs_are_normalised_per_channel_and_channels_last():
    made = task()
    images = torch.full((2, 6, 5, 3), 7, dtype=torch.uint8)
    inputs = made.inputs(images, torch.float64)
    assert inputs.shape == (2, 3, 6, 5)
    assert inputs[0, :, 0, 0].tolist() == [6 / 4, 5 / 5, 4 / 6]
    assert inputs.is_contiguous(memory_format=torch.channels_last)


def test_colours_are_stretched_after_the_crop_which_stays_the_same():
    plain, coloured = task(crop_pad=2), task(crop_pad=2, colours=True)
    noise = torch.randint(256, (60, 6, 5, 3), generator=torch.Generator().manual_seed(0))
    plain._images = coloured._images = noise.to(torch.uint8)
    before, labels = plain.minibatch(4, 0)
    after, same = coloured.minibatch(4, 0)
    assert torch.equal(labels, same)
    assert after.dtype == torch.float32
    random = np.random.default_rng([0, images.AUGMENTATION, 4])
    random.integers(5, size=(2, 8))
    random.random(8)
    factors = [
        torch.from_numpy(random.uniform(*e, 8).astype("f4")) for e in ((0.5, 1.5), (0.2, 1.8))
    ]
    expected = images.contrasted(images.saturated(before.float(), factors[0]), factors[1])
    torch.testing.assert_close(after, expected)


def test_without_a_mean_each_image_is_normalised_by_its_own():
    made = task(mean=None, std=None)
    inputs = made.inputs(torch.arange(180).reshape(2, 6, 5, 3).to(torch.uint8), torch.float64)
    assert inputs.shape == (2, 3, 6, 5)
    assert inputs.mean((1, 2, 3)).abs().max() < 1e-12
    torch.testing.assert_close(inputs.square().mean((1, 2, 3)), torch.ones(2).double())


# --- losses and evaluation ----------------------------------------------------------------------


def test_the_training_loss_is_that_of_the_minibatch():
    made = task()
    torch.manual_seed(0)
    model = made.model().double()
    loss, carry = made.train_loss(model, 2, 0, None)
    images, labels = made.minibatch(2, 0)
    inputs = (images.double() - torch.tensor([1, 2, 3])) / torch.tensor([4, 5, 6])
    expected = nn.functional.cross_entropy(model(inputs.permute(0, 3, 1, 2)), labels)
    torch.testing.assert_close(loss, expected)
    assert carry is None


@pytest.mark.parametrize("split", ["validation", "test"])
def test_evaluation_equals_one_image_at_a_time(split, monkeypatch):
    made = task(crop_pad=2)
    monkeypatch.setitem(images.EVALUATION_BATCH, "cpu", 4)
    torch.manual_seed(6)  # some right, some wrong in both parts
    model = made.model().double()
    wrong, losses = [], []
    for index in made._splits[split].tolist():
        pixel = (index - torch.tensor([1.0, 2, 3]).double()) / torch.tensor([4.0, 5, 6])
        logits = model(pixel[None, :, None, None].expand(1, 3, 6, 5))[0]
        losses.append(-torch.log_softmax(logits, 0)[index % 10].item())
        wrong.append(logits.argmax().item() != index % 10)
    error_rate, loss = made.evaluate(model, split)
    assert error_rate == np.mean(wrong)
    assert loss == pytest.approx(np.mean(losses), rel=1e-12)
    assert 0 < error_rate < 1
    assert model.training


def test_evaluation_uses_running_statistics_and_leaves_them(monkeypatch):
    made = task()
    made._build_model = lambda: nn.Sequential(
        nn.BatchNorm2d(3), nn.Dropout(0.5), nn.Flatten(), nn.Linear(90, 10)
    )
    model = made.model()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert made.evaluate(model, "test") == made.evaluate(model, "test")
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
