"""Image files of every kind and compression that the server reads, sound or damaged."""

from __future__ import annotations

import functools
import io
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image
from pydicom import uid

from phantoms.generate import make_phantom
from tests.image_writers import data_set_of, dicom_frame, write_dicom, write_tiff

SIDE = 96
_SHALLOW = (uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit)
_DEEP = (
    uid.ImplicitVRLittleEndian, uid.ExplicitVRBigEndian, uid.DeflatedExplicitVRLittleEndian, uid.RLELossless,
    uid.JPEGLossless, uid.JPEGLosslessSV1, uid.JPEGLSLossless, uid.JPEGLSNearLossless, uid.JPEG2000Lossless,
)  # fmt: skip


@functools.cache
def sound_files() -> dict[str, bytes]:
    """One file of each kind: a generated X-ray of 96 x 96 pixels."""
    gray = make_phantom(2, seed=1, size=SIDE).image
    deep, twelve = gray.astype(np.uint16) * 257, gray.astype(np.uint16) * 16
    pictures: dict[str, tuple[np.ndarray, str | None, str, dict[str, Any]]] = {
        "png": (gray, "L", "PNG", {}),
        "png 16": (deep, None, "PNG", {}),
        "png rgba": (gray, "RGBA", "PNG", {}),
        "png palette": (gray, "P", "PNG", {}),
        "jpeg": (gray, "L", "JPEG", {}),
        "jpeg progressive": (gray, "RGB", "JPEG", {"progressive": True}),
        "jpeg cmyk": (gray, "CMYK", "JPEG", {}),
        "tiff": (gray, "L", "TIFF", {}),
        "tiff lzw": (deep, None, "TIFF", {"compression": "tiff_lzw"}),
        "tiff deflate": (gray, "L", "TIFF", {"compression": "tiff_adobe_deflate"}),
        "tiff jpeg": (gray, "L", "TIFF", {"compression": "jpeg"}),
        "webp": (gray, "RGB", "WEBP", {}),
        "webp lossless": (gray, "RGBA", "WEBP", {"lossless": True}),
    }
    files = {"tiff float": write_tiff(gray.astype(np.float32) / 255), "dicom": write_dicom(twelve, BitsStored=12)}
    for name, (pixels, mode, kind, options) in pictures.items():
        stream = io.BytesIO()
        Image.fromarray(pixels).convert(mode).save(stream, kind, **options)
        files[name] = stream.getvalue()
    files |= {f"dicom {syntax.name}": write_dicom(twelve, syntax, BitsStored=12) for syntax in _DEEP}
    files |= {f"dicom {syntax.name}": write_dicom(gray, syntax) for syntax in _SHALLOW}
    # As they come out of archives: without their beginning, in colour containers, with JPEG of more than 8 bits.
    files["dicom bare"] = data_set_of(write_dicom(twelve, uid.ImplicitVRLittleEndian, BitsStored=12))
    files["dicom big-endian bare"] = data_set_of(write_dicom(twelve, uid.ExplicitVRBigEndian, BitsStored=12))
    files["dicom jpeg 12"] = write_dicom(twelve, uid.JPEGExtended12Bit, BitsStored=12)
    colour = {"SamplesPerPixel": 3, "PlanarConfiguration": 0, "PhotometricInterpretation": "RGB"}
    files["dicom rgb"] = write_dicom(gray, PixelData=np.dstack([gray] * 3).tobytes(), **colour)
    files["jpeg 12"] = dicom_frame(twelve, uid.JPEGExtended12Bit, BitsStored=12)
    files["jpeg lossless"] = dicom_frame(twelve, uid.JPEGLosslessSV1, BitsStored=12)
    return files


def whole_file(rng: np.random.Generator) -> bytes:
    """A sound image file of some kind."""
    files = list(sound_files().values())
    return files[rng.integers(len(files))]


def damaged_file(rng: np.random.Generator) -> bytes:
    """A file with one to three kinds of damage."""
    content = bytearray(whole_file(rng))
    for _ in range(rng.integers(1, 4)):
        damage = _DAMAGES[rng.integers(len(_DAMAGES))]
        content = damage(rng, content)
    return bytes(content)


def _flip_bits(rng: np.random.Generator, content: bytearray) -> bytearray:
    for _ in range(rng.integers(1, 32)):
        if content:
            content[_place(rng, content)] ^= 1 << int(rng.integers(8))
    return content


def _flip_a_bit_of_the_pixels(rng: np.random.Generator, content: bytearray) -> bytearray:
    """In the later three quarters, past most headers: damage that only a decoder can find."""
    if content:
        content[int(rng.integers(len(content) // 4, len(content)))] ^= 1 << int(rng.integers(8))
    return content


def _cut(rng: np.random.Generator, content: bytearray) -> bytearray:
    return content[: rng.integers(len(content) + 1)]


def _drop(rng: np.random.Generator, content: bytearray) -> bytearray:
    start = _place(rng, content)
    del content[start : start + int(rng.integers(1, 64))]
    return content


def _repeat(rng: np.random.Generator, content: bytearray) -> bytearray:
    start = _place(rng, content)
    part = content[start : start + int(rng.integers(1, 256))]
    return content[:start] + part * int(rng.integers(1, 50)) + content[start:]


def _splice(rng: np.random.Generator, content: bytearray) -> bytearray:
    return content[: _place(rng, content)] + whole_file(rng)[int(rng.integers(200)) :]


def _absurd_number(rng: np.random.Generator, content: bytearray) -> bytearray:
    numbers = [b"\xff\xff\xff\xff", b"\x00\x00\x00\x00", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x00\x01\x00\x00"]
    start = _place(rng, content)
    content[start : start + 4] = numbers[rng.integers(len(numbers))]
    return content


def _absurd_png(rng: np.random.Generator, content: bytearray) -> bytearray:
    """A PNG that declares any size, with right check sums, and holds hardly any data."""
    sizes = [1, 2, 63, 8000, 20_000, 65_535, 2**31 - 1]
    width, height = (sizes[rng.integers(len(sizes))] for _ in range(2))
    header = struct.pack(">IIBBBBB", width, height, int(rng.choice([1, 8, 16])), int(rng.choice([0, 2, 3, 6])), 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 5000)), (b"IEND", b"")]
    return bytearray(b"\x89PNG\r\n\x1a\n") + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def _noise(rng: np.random.Generator, content: bytearray) -> bytearray:
    start = min(len(content), int(rng.choice([0, 4, 16, 132])))
    return content[:start] + rng.bytes(int(rng.integers(2000)))


_DAMAGES = (
    _flip_bits, _flip_a_bit_of_the_pixels, _flip_a_bit_of_the_pixels, _cut, _drop, _repeat, _splice,
    _absurd_number, _absurd_number, _absurd_png, _noise,
)  # fmt: skip


def _place(rng: np.random.Generator, content: bytearray) -> int:
    """A position, in half of the cases in the header, where damage tells most."""
    return int(rng.integers(max(1, min(len(content), 400) if rng.random() < 0.5 else len(content))))
