"""The one way from image file bytes to the network's tensor, for training, evaluation and handler alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from model_src.errors import CoroNetError, InvalidImage
from model_src.imaging.decoding import DecodedImage
from model_src.imaging.formats import read_image

# Changes whenever bytes that training uses could give another tensor: caches and artefacts carry it. It stays where
# only such files are read otherwise that were refused or shown wrongly before (docs/experiments/2026-11-27-inputs.md);
# whoever has such DICOM files in an image cache deletes the cache.
PREPROCESSING_VERSION = "1"

_SMALLEST_SIDE = 8  # pixels; the network's own coarsest cell
_SMALL_SIDE = 64
_LONGEST_RATIO = 2.0
_LOWEST_CONTRAST = 0.1
# In standard deviations of the image; see _looks_negative.
_NEGATIVE_BELOW = -0.5


@dataclass(frozen=True)
class Xray:
    """One decoded X-ray and what there is to say about it."""

    tensor: torch.Tensor  # float32 (1, S, S) in [0, 1], contiguous: the network's input
    pixels: np.ndarray  # float32 (H, W) in [0, 1]: the image at its own size, upright, bright = dense
    format: str  # "PNG", "JPEG", "WEBP", "TIFF" or "DICOM"
    width: int  # of the submitted image, after it was turned upright
    height: int
    warnings: tuple[str, ...] = ()  # one sentence each, fit for the response


def read_xray(data: bytes, image_size: int) -> Xray:
    """Decode the bytes of an image file and resize it to `image_size` x `image_size`.

    The format is told by the bytes alone. Equal bytes give equal tensors, whatever the number of threads.
    Nothing is normalised beyond the scaling to [0, 1] of `decoding.full_scale` or of a DICOM header's window.

    Raises:
        InvalidImage: not an image, damaged, truncated, or smaller than 8 pixels.
        ImageTooLarge: more than 64 megapixels.
        UnsupportedImage: a readable file of a kind that is not taken.
    """
    decoded = read_image(data)
    height, width = decoded.pixels.shape
    if min(width, height) < _SMALLEST_SIDE:
        raise InvalidImage(f"found {width} x {height} pixels, need at least {_SMALLEST_SIDE} each way")
    return Xray(
        tensor=resize_pixels(decoded.pixels, image_size),
        pixels=decoded.pixels,
        format=decoded.format,
        width=width,
        height=height,
        warnings=(*decoded.warnings, *_doubts(decoded)),
    )


def resize_pixels(pixels: np.ndarray, image_size: int) -> torch.Tensor:
    """Resize (H, W) float32 in [0, 1] to a float32 tensor (1, S, S) in [0, 1], S = `image_size`.

    Antialiased bilinear: each output pixel averages all input pixels it covers, so fine ribs of a 4000-pixel
    film do not turn into noise. Other shapes than squares are squashed, not cropped or padded: no part of a
    lung is lost, no border is added that tells sources apart, and the COVIDx images are trained this way.
    """
    if image_size < 1:
        raise CoroNetError(f"image size: found {image_size}, need at least 1")
    image = torch.from_numpy(np.require(pixels, np.float32, ["C", "W"]))[None, None]
    resized = F.interpolate(image, size=(image_size, image_size), mode="bilinear", antialias=True)
    # Interpolation weights add up to 1 only within rounding.
    return resized[0].clamp_(0, 1)


def _doubts(decoded: DecodedImage) -> list[str]:
    """Warnings about the size and contrast of an image that can be answered all the same."""
    height, width = decoded.pixels.shape
    low, high = float(decoded.pixels.min()), float(decoded.pixels.max())
    warnings = []
    small = min(width, height) < _SMALL_SIDE
    if small:
        warnings.append(f"only {width} x {height} pixels: too small to show disease")
    if max(width, height) > _LONGEST_RATIO * min(width, height):
        warnings.append(f"{width} x {height} pixels are far from square: squashed to a square for the network")
    if low == high:
        warnings.append("all pixels are alike: there is nothing to classify")
    elif high - low < _LOWEST_CONTRAST:
        warnings.append(f"brightness spans only {100 * (high - low):.0f}% of the range: hardly any contrast")
    elif not small and _looks_negative(decoded.pixels):
        warnings.append("looks like a negative (bright lungs): check the file, or its MONOCHROME1 or MONOCHROME2")
    return warnings


def _looks_negative(pixels: np.ndarray) -> bool:
    """True when spine and heart are darker than the lungs and the upper corners, which are air, together.

    A wrong photometric interpretation is common and the network would answer with confidence. Measured on the
    898 frontal X-rays of three classes at hand: their sum below is at least -0.33, with median 3.4; none is
    called a negative, and of their negatives more than 98% are. It only warns: nothing is turned over.
    """
    height, width = pixels.shape
    step = max(1, min(height, width) // 128)

    def mean(top: float, bottom: float, left: float, right: float) -> float:
        rows = slice(round(top * height), round(bottom * height), step)
        columns = slice(round(left * width), round(right * width), step)
        return float(pixels[rows, columns].mean())

    middle = mean(1 / 4, 3 / 4, 7 / 16, 9 / 16)
    lungs = mean(1 / 4, 5 / 8, 7 / 32, 11 / 32) + mean(1 / 4, 5 / 8, 21 / 32, 25 / 32)
    corners = mean(0, 1 / 8, 0, 1 / 8) + mean(0, 1 / 8, 7 / 8, 1)
    return 2 * middle - lungs / 2 - corners / 2 < _NEGATIVE_BELOW * float(pixels[::step, ::step].std())
