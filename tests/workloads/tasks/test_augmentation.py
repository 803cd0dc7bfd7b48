import colorsys

import numpy as np
import pytest
import torch

from workloads.tasks.augmentation import contrasted, crop_and_flip, saturated, standardised


def slow_crop_and_flip(images, top, left, flip, pad):
    out = []
    for image, row, column, mirrored in zip(images.numpy(), top, left, flip, strict=True):
        height, width, _ = image.shape
        padded = np.pad(image, ((pad, pad), (pad, pad), (0, 0)))
        crop = padded[row : row + height, column : column + width]
        out.append(crop[:, ::-1] if mirrored else crop)
    return torch.from_numpy(np.stack(out))


@pytest.mark.parametrize("pad", [1, 4])
def test_crop_and_flip_equals_its_slow_twin(pad):
    random = np.random.default_rng(pad)
    images = torch.from_numpy(random.integers(256, size=(64, 9, 7, 3), dtype=np.uint8))
    top, left = torch.from_numpy(random.integers(2 * pad + 1, size=(2, 64)))
    flip = torch.from_numpy(random.random(64) < 0.5)
    assert torch.equal(
        crop_and_flip(images, top, left, flip, pad),
        slow_crop_and_flip(images, top, left, flip, pad),
    )


def test_saturation_equals_the_way_through_hue_and_value():
    """As tf.image.adjust_saturation: the saturation times the factor, at most 1."""
    random = np.random.default_rng(0)
    images = random.integers(256, size=(6, 4, 4, 3)).astype(np.float64)
    images[0, 0, 0], images[0, 0, 1], images[0, 0, 2] = 0, 255, (200, 0, 0)  # black, white, full
    factors = np.array([0.5, 0.7, 1.0, 1.2, 1.4, 1.5])
    expected = np.empty_like(images)
    for index in np.ndindex(images.shape[:3]):
        hue, saturation, value = colorsys.rgb_to_hsv(*images[index])
        expected[index] = colorsys.hsv_to_rgb(hue, min(saturation * factors[index[0]], 1), value)
    found = saturated(torch.from_numpy(images), torch.from_numpy(factors))
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_contrast_stretches_each_channel_about_its_mean():
    images = torch.rand(2, 5, 5, 3, dtype=torch.float64)
    found = contrasted(images, torch.tensor([0.5, 2.0]))
    torch.testing.assert_close(found.mean((1, 2)), images.mean((1, 2)))
    torch.testing.assert_close(found.std((1, 2))[1], 2 * images.std((1, 2))[1])
    torch.testing.assert_close(found.std((1, 2))[0], 0.5 * images.std((1, 2))[0])


def test_an_image_is_standardised_by_its_own_numbers():
    images = 255 * torch.rand(3, 8, 8, 3, dtype=torch.float64)
    images[2] = 7.0  # of one colour
    found = standardised(images)
    assert found.mean((1, 2, 3)).abs().max() < 1e-12
    torch.testing.assert_close(found[:2].square().mean((1, 2, 3)), torch.ones(2).double())
    assert not found[2].any()


def test_brightness_does_not_show():
    """DeepOBS changes it by at most 63/255 of one grey of 256, before standardising."""
    images = 255 * torch.rand(3, 8, 8, 3, dtype=torch.float64)
    torch.testing.assert_close(standardised(images + 63 / 255), standardised(images))
