import math

import torch

from workloads.tasks.cross_entropy import count_errors, mean_cross_entropy


def test_the_mean_is_minus_the_log_of_the_softmax_at_the_label():
    logits = torch.tensor([[1.0, 2.0], [0.0, 0.0]], dtype=torch.float64)
    expected = (math.log(1 + math.e) + math.log(2)) / 2
    assert abs(mean_cross_entropy(logits, torch.tensor([0, 1])).item() - expected) < 1e-15


def test_bfloat16_logits_are_averaged_in_float32():
    logits, labels = torch.randn(5000, 10).bfloat16(), torch.randint(10, (5000,))
    loss = mean_cross_entropy(logits, labels)
    assert loss.dtype == torch.float32
    assert torch.equal(loss, mean_cross_entropy(logits.float(), labels))


def test_errors_are_largest_logits_elsewhere():
    logits = torch.tensor([[1.0, 2.0, 0.0], [3.0, 2.0, 0.0], [0.0, 0.1, 0.2]])
    assert count_errors(logits, torch.tensor([1, 1, 2])).item() == 1
