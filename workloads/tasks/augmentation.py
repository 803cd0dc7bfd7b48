"""What is done to training images before a model sees them, and the scale all are brought to."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

SATURATION, CONTRAST = (0.5, 1.5), (0.2, 1.8)  # DeepOBS's ranges of colour_factors


def crop_and_flip(images: Tensor, top: Tensor, left: Tensor, flip: Tensor, pad: int) -> Tensor:
    """Shift every image by up to `pad` pixels, black coming in, and mirror some: one gather.

    Args:
        images: [batch, height, width, channels].
        top, left: [batch] in [0, 2·pad], the window's corner in the image padded by `pad`.
        flip: [batch] bool, mirror left and right after cropping.
    """
    batch, height, width, _ = images.shape
    padded = F.pad(images, (0, 0, pad, pad, pad, pad))
    rows = top[:, None] + torch.arange(height, device=images.device)
    columns = torch.arange(width, device=images.device).expand(batch, width)
    columns = left[:, None] + torch.where(flip[:, None], width - 1 - columns, columns)
    example = torch.arange(batch, device=images.device)
    return padded[example[:, None, None], rows[:, :, None], columns[:, None, :]]


def saturated(images: Tensor, factors: Tensor) -> Tensor:
    """Each image with the saturation of its pixels times its factor, at most full.

    With v the largest channel of a pixel, its saturation is s = (v − smallest)/v, and a channel
    c = v − s·(something of the hue): so c becomes v − (v − c)·min(factor, 1/s).

    Args:
        images: [batch, height, width, 3], not negative.
        factors: [batch].
    """
    v = images.amax(3, keepdim=True)
    spread = v - images.amin(3, keepdim=True)
    most = torch.where(spread > 0, v / spread.clamp_min(1e-12), torch.inf)
    return v - (v - images) * torch.minimum(factors[:, None, None, None], most)


def contrasted(images: Tensor, factors: Tensor) -> Tensor:
    """Each channel of each image [batch, height, width, channels] stretched about its mean."""
    mean = images.mean((1, 2), keepdim=True)
    return mean + (images - mean) * factors[:, None, None, None]


def standardised(images: Tensor) -> Tensor:
    """Each image [batch, height, width, channels] to mean 0 and deviation 1 over all its numbers.

    The deviation is at least 1/√(numbers), as in tf.image.per_image_standardization: an image of
    one colour becomes 0.
    """
    centred = images - images.mean((1, 2, 3), keepdim=True)
    deviation = centred.square().mean((1, 2, 3), keepdim=True).sqrt()
    return centred / deviation.clamp_min(images[0].numel() ** -0.5)
