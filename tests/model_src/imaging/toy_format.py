"""A format that is not the project's: "TOY", width, height (one byte each), then one byte a pixel, 0 to 255."""

from __future__ import annotations

import numpy as np

from model_src.errors import InvalidImage
from model_src.imaging.formats import ImageFormat


def size(data: bytes) -> tuple[int, int]:
    """Width and height by the header."""
    return data[3], data[4]


def decode(data: bytes, warnings: list[str]) -> np.ndarray:
    """float32 (H, W) in [0, 1]."""
    width, height = size(data)
    samples = np.frombuffer(data, np.uint8, offset=5)
    if samples.size < width * height:
        raise InvalidImage(f"found {samples.size} samples, need {width * height}; export the toy again")
    warnings.append("a toy")
    return samples[: width * height].reshape(height, width) / np.float32(255)


ROW = ImageFormat("TOY", lambda head: head.startswith(b"TOY"), size, decode)
