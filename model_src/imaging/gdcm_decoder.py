"""Codestreams that GDCM alone decodes, in a process of its own: JPEG of over 8 bits, lossless JPEG, JPEG-LS."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
from pydicom import uid

from model_src.errors import InvalidImage
from model_src.imaging.codestream import Coding, Shape
from model_src.imaging.decoding import one_line

_PROGRAM = Path(__file__).with_name("gdcm_process.py")
_SECONDS = 10.0
# What GDCM's JPEG library says when it fills in pixels that the file lacks.
_DAMAGE = re.compile("Premature end|Corrupt JPEG data: (?!.*extraneous bytes)")

# GDCM writes samples of over 8 bits as JPEG of 16 bits, which the standard does not know, and does not move them
# down by half the range as decoders expect.
_MIDDLE, _OVERSHOOT = 1 << 15, 256


def decode_with_gdcm(frame: bytes, syntax: uid.UID, shape: Shape) -> np.ndarray:
    """Samples of one frame, uint8 or uint16, (H, W) or (H, W, components); about 0.1 s go to the process.

    `shape` is what the caller found in the frame's own header, and has checked.

    Raises:
        InvalidImage: damaged, or longer than 10 s at work.
    """
    numbers = (shape.width, shape.height, shape.bits, shape.components)
    try:
        finished = subprocess.run(
            [sys.executable, str(_PROGRAM), str(syntax), *map(str, numbers)],
            input=frame,
            capture_output=True,
            check=False,
            timeout=_SECONDS,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
    except subprocess.TimeoutExpired:  # its own message would tell the caller this machine's paths
        raise InvalidImage(
            f"the compressed pixels take over {_SECONDS:.0f} s to decode; save the file uncompressed"
        ) from None
    lines = finished.stderr.decode("utf-8", "replace").strip().splitlines()
    damage = [line for line in lines if _DAMAGE.search(line)]
    if finished.returncode or damage:
        reason = one_line((damage or lines or [f"status {finished.returncode}"])[-1])
        raise InvalidImage(f"the compressed pixels cannot be decoded ({reason}); export the file again")
    samples = np.frombuffer(finished.stdout, np.uint8 if shape.bits <= 8 else np.dtype("<u2"))
    if shape.coding is Coding.JPEG and shape.bits == _MIDDLE.bit_length() and samples.min() >= _MIDDLE - _OVERSHOOT:
        samples = np.maximum(samples, _MIDDLE) - np.uint16(_MIDDLE)
    channels = () if shape.components == 1 else (shape.components,)
    return samples.reshape(shape.height, shape.width, *channels)
