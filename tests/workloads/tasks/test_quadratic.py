import numpy as np
import pytest
import torch

from workloads import quadratic_deep
from workloads.data import quadratic


def task(batch_size=128, **data):
    return quadratic_deep.load(data, {}, batch_size, "cpu")


def test_the_loss_before_training_is_deepobs():
    made = task()
    assert made.data_description["test"] == 896
    error, loss = made.evaluate(made.model(), "test")
    assert f"{loss:.4f}" == "353.4468"
    assert error == loss


@pytest.mark.parametrize("split", ["validation", "test"])
def test_evaluation_equals_one_point_at_a_time(split):
    made, found = task(), quadratic.instance()
    torch.manual_seed(0)
    model = made.model().double()
    with torch.no_grad():
        model.theta += torch.randn(100)
    theta = model.theta.detach().numpy()
    points = found.points[split].astype(np.float64)[:896]
    losses = [0.5 * (theta - x) @ found.matrix @ (theta - x) for x in points]
    assert made.evaluate(model, split)[1] == pytest.approx(np.mean(losses), rel=1e-6)


def test_the_training_loss_is_that_of_the_minibatch():
    made, found = task(), quadratic.instance()
    model = made.model().double()
    loss, carry = made.train_loss(model, 9, 3, None)
    points = made.minibatch(9, 3).double().numpy()
    assert points.shape == (128, 100)
    losses = [0.5 * (1 - x) @ found.matrix @ (1 - x) for x in points]
    assert loss.item() == pytest.approx(np.mean(losses), rel=1e-6)
    assert carry is None


def test_the_gradient_is_that_of_the_mean_point():
    made, found = task(), quadratic.instance()
    model = made.model().double()
    made.train_loss(model, 0, 0, None)[0].backward()
    mean = made.minibatch(0, 0).double().mean(0).numpy()
    np.testing.assert_allclose(model.theta.grad, found.matrix @ (1 - mean), rtol=1e-4, atol=1e-4)


def test_an_epoch_is_seven_minibatches_and_the_next_another_order_unless_told():
    shuffled, same = task(), task(same_order_each_epoch=True)
    assert not torch.equal(shuffled.minibatch(0, 0), shuffled.minibatch(7, 0))
    assert torch.equal(same.minibatch(0, 0), same.minibatch(7, 0))
    assert torch.equal(same.minibatch(3, 0), shuffled.minibatch(3, 0))
    epoch = torch.cat([shuffled.minibatch(step, 0) for step in range(7, 14)])
    assert len(epoch.unique(dim=0)) == 896


def final_test_losses(lr, momentum, seeds, same_order_each_epoch):
    """After DeepOBS's 100 epochs, by torch.optim.SGD."""
    made, losses = task(same_order_each_epoch=same_order_each_epoch), []
    for seed in range(seeds):
        model = made.model()
        optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=momentum)
        for step in range(700):
            optimizer.zero_grad()
            made.train_loss(model, step, seed, None)[0].backward()
            optimizer.step()
        losses.append(made.evaluate(model, "test")[1])
    return losses


@pytest.mark.parametrize(
    ("lr", "momentum", "mean", "deviation"),
    [(0.0158489, 0, 87.397, 0.160), (0.00251189, 0.99, 87.045, 0.024)],
    ids=["sgd", "momentum"],
)
def test_deepobs_published_losses_are_reproduced(lr, momentum, mean, deviation):
    """The mean of 4 seeds against that of DeepOBS's 10; 4 standard errors."""
    losses = final_test_losses(lr, momentum, 4, same_order_each_epoch=True)
    assert np.mean(losses) == pytest.approx(mean, abs=4 * deviation * (1 / 4 + 1 / 10) ** 0.5)


def test_with_an_order_of_its_own_each_epoch_momentum_ends_higher():
    """Why DeepOBS's runs can't have had one: 60 of its deviations above what it published."""
    assert np.mean(final_test_losses(0.00251189, 0.99, 3, same_order_each_epoch=False)) > 87.8
