import pytest
import torch

from workloads.task import DataError
from workloads.tasks.order import Order

EXAMPLES = torch.arange(100, 137)


def seen(order: Order, steps: int, seed: int = 5) -> torch.Tensor:
    return torch.cat([order.minibatch(step, seed) for step in range(steps)])


@pytest.mark.parametrize("batch_size", [1, 8, 37, 50, 100])
def test_every_example_is_seen_once_an_epoch(batch_size):
    order, size = Order(EXAMPLES, batch_size), len(EXAMPLES)
    steps = -(-3 * size // batch_size)
    epochs = seen(order, steps)[: 3 * size].reshape(3, size)
    for epoch in epochs:
        assert torch.equal(epoch.sort().values, EXAMPLES)
    assert not torch.equal(epochs[0], epochs[1])
    assert all(len(order.minibatch(step, 5)) == batch_size for step in range(steps))


@pytest.mark.parametrize("batch_size", [8, 37])
def test_a_dropped_remainder_is_another_one_each_epoch(batch_size):
    order, full = Order(EXAMPLES, batch_size, drop_remainder=True), 37 // batch_size
    epochs = seen(order, 3 * full).reshape(3, -1)
    assert all(len(epoch.unique()) == full * batch_size for epoch in epochs)
    if batch_size == 8:
        assert len({frozenset(epoch.tolist()) for epoch in epochs}) == 3
    # The first epoch is that of the gapless order: the remainder is cut off a permutation.
    assert torch.equal(epochs[0], seen(Order(EXAMPLES, batch_size), full))


@pytest.mark.parametrize("drop_remainder", [False, True])
def test_the_same_order_each_epoch_is_that_of_the_first(drop_remainder):
    kwargs = {"drop_remainder": drop_remainder}
    order = Order(EXAMPLES, 6, same_order_each_epoch=True, **kwargs)
    size = 36 if drop_remainder else 37
    found = seen(order, 18)[: 2 * size].reshape(2, size)
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], seen(Order(EXAMPLES, 6, **kwargs), 7)[:size])
    assert not torch.equal(found[0], seen(order, 7, seed=6)[:size])


@pytest.mark.parametrize("kwargs", [{}, {"drop_remainder": True}, {"same_order_each_epoch": True}])
def test_a_minibatch_is_a_pure_function_of_seed_and_step(kwargs):
    order = Order(EXAMPLES, 8, **kwargs)
    forwards = [order.minibatch(step, 3) for step in range(12)]
    for step in (11, 4, 0, 5):
        order.minibatch(step, 4)  # another trial on the same task, in between
        torch.manual_seed(step)  # and draws from the global generator
        assert torch.equal(Order(EXAMPLES, 8, **kwargs).minibatch(step, 3), forwards[step])
        assert torch.equal(order.minibatch(step, 3), forwards[step])


def test_orders_are_frozen():
    """Results are comparable only while this holds."""
    assert Order(EXAMPLES, 8).minibatch(0, 0).tolist() == [104, 134, 120, 118, 102, 103, 135, 124]


def test_no_full_minibatch_is_an_error():
    message = r"workload\.batch_size=38 is more than the 37 examples of train.*: give a smaller one"
    with pytest.raises(DataError, match=message):
        Order(EXAMPLES, 38, drop_remainder=True)
