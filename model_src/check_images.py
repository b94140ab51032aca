"""The pictures that travel with artefacts, so that an engine can be checked where it will run: no films of anybody."""

from __future__ import annotations

import io

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from model_src.errors import ArtefactError

CHECK_IMAGES_NAME = "check_images.png"
_MOST = 64


def check_images_bytes(images: list[np.ndarray]) -> bytes:
    """One PNG with all pictures, each (S, S) uint8, one below the other."""
    stream = io.BytesIO()
    Image.fromarray(np.concatenate(images)).save(stream, "PNG")
    return stream.getvalue()


def read_check_images(content: bytes, where: object, size: int) -> Tensor:
    """The pictures in such a file, (N, 1, S, S) float32 in [0, 1].

    Args:
        content: the file's bytes.
        where: named in errors.
        size: S.

    Raises:
        ArtefactError: it is no gray PNG of whole pictures of that size.
    """
    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
            width, height, mode = *picture.size, picture.mode
            if mode != "L" or width != size or height % size or height > _MOST * size:
                raise ArtefactError(
                    f"{where}: found a picture of {width} x {height} pixels, {mode}, need up to {_MOST} gray ones of "
                    f"{size} x {size} below each other; export the run again"
                )
            pixels = np.array(picture)
    except (OSError, ValueError, SyntaxError) as error:
        raise ArtefactError(f"{where}: cannot be read ({type(error).__name__}); export the run again") from None
    return torch.from_numpy(pixels).view(-1, 1, size, size).float() / 255
