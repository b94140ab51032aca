"""Requests that no client should send: case(number) is always the same one.

Image files of every kind the server reads, damaged in the ways that break decoders (bits, cuts, splices, sizes that
cannot be), whole ones with absurd headers, and JSON and form fields of any shape.
"""

from __future__ import annotations

import base64
import functools
import io
import json
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pydicom
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset

from train.phantoms import make_phantom

SIDE = 96
# As JSON or form fields have them: every kind of value that is not what was asked for.
ODD_VALUES: list[object] = [
    None, True, False, -1, 0, 1, 2**63, 10**400, 1e308, -0.0, "", " ", "nan", "inf", "-1", "1e999", "0x10", "ä" * 50,
    "A" * 10_000, "\x00", "../../etc/passwd", "{{7*7}}", "'; DROP TABLE", [], {}, [[]], [None], {"b64": None},
    {"b64": "===="}, {"b64": 5}, {"data": {"data": "x"}}, "data:image/png;base64,", "iVBORw0KGgo=", [1] * 1000,
]  # fmt: skip
FIELDS = (
    "method", "target", "steps", "seed", "format", "score_steps", "time_budget", "smooth_samples", "baseline",
    "area", "grid", "jitter", "init", "unknown", "__class__", "",
)  # fmt: skip
CHEAP_METHODS = ("saliency", "grad_cam", "no such method", "")


@dataclass(frozen=True)
class Case:
    """One request: a row as TorchServe gives it to a handler, and how to post the same over HTTP."""

    kind: str
    row: dict[str, object]
    explain: bool
    content_type: str | None = None

    def http(self) -> dict[str, object]:
        """Arguments of requests.post."""
        if self.kind == "json":
            return {"data": json.dumps(self.row["body"]), "headers": {"Content-Type": "application/json"}}
        if self.kind == "form":
            image = {"data": ("image", self.row["data"], "application/octet-stream")}
            return {"files": image, "data": {k: v for k, v in self.row.items() if k != "data"}}
        return {"data": self.row["body"], "headers": {"Content-Type": "application/octet-stream"}}


def case(number: int) -> Case:
    """The request with this number."""
    rng = np.random.default_rng((number, 20))
    form = rng.choice(["raw", "form", "json"], p=[0.75, 0.1, 0.15])
    explain = bool(rng.random() < 0.25)
    image = damaged_file(rng) if rng.random() < 0.85 else whole_file(rng)
    if form == "raw" and not explain:
        return Case("raw", {"body": image}, explain=False)
    if form == "json":
        return Case("json", {"body": odd_json(rng, image)}, explain, "application/json")
    fields = {"method": CHEAP_METHODS[rng.integers(len(CHEAP_METHODS))].encode(), "score_steps": b"2"}
    for _ in range(rng.integers(3)):
        value = ODD_VALUES[rng.integers(len(ODD_VALUES))]
        name = FIELDS[rng.integers(1, len(FIELDS) - 1)]
        fields[name] = value.encode() if isinstance(value, str) else json.dumps(value).encode()
    return Case("form", {"data": image, **fields}, explain=True)


def odd_json(rng: np.random.Generator, image: bytes) -> object:
    """A JSON body: one part of a right one replaced by something else."""
    item: dict[str, object] = {"b64": base64.b64encode(image).decode(), "method": "saliency", "score_steps": 2}
    odd = ODD_VALUES[rng.integers(len(ODD_VALUES))]
    bodies: list[Callable[[], object]] = [
        lambda: {"instances": [item]},
        lambda: {"instances": [item | {FIELDS[rng.integers(len(FIELDS))]: odd}]},
        lambda: {"instances": [odd, item]},
        lambda: {"instances": odd},
        lambda: {"data": odd},
        lambda: {"data": item["b64"], "method": "saliency", FIELDS[rng.integers(len(FIELDS))]: odd},
        lambda: {"instances": [item], "data": odd},
        lambda: odd,
        lambda: functools.reduce(lambda inner, _: [inner], range(60), odd),
    ]
    return bodies[rng.integers(len(bodies))]()


def whole_file(rng: np.random.Generator) -> bytes:
    """A sound image file of some kind."""
    files = list(_files().values())
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
    sizes = [1, 2, 63, 20_000, 65_535, 2**31 - 1]
    width, height = (sizes[rng.integers(len(sizes))] for _ in range(2))
    header = struct.pack(">IIBBBBB", width, height, int(rng.choice([1, 8, 16])), int(rng.choice([0, 2, 3, 6])), 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 5000)), (b"IEND", b"")]
    return bytearray(b"\x89PNG\r\n\x1a\n") + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def _noise(rng: np.random.Generator, content: bytearray) -> bytearray:
    start = min(len(content), int(rng.choice([0, 4, 16, 132])))
    return content[:start] + rng.bytes(int(rng.integers(2000)))


_DAMAGES = (_flip_bits, _flip_bits, _cut, _drop, _repeat, _splice, _absurd_number, _absurd_number, _absurd_png, _noise)


def _place(rng: np.random.Generator, content: bytearray) -> int:
    """A position, in half of the cases in the header, where damage tells most."""
    return int(rng.integers(max(1, min(len(content), 400) if rng.random() < 0.5 else len(content))))


@functools.cache
def _files() -> dict[str, bytes]:
    """One sound file of each kind."""
    gray = Image.fromarray(make_phantom(2, seed=1, size=SIDE).image)
    deep = Image.fromarray(np.asarray(gray, np.uint16) * 257)
    files: dict[str, bytes] = {}
    for name, picture, kind, options in (
        ("png", gray, "PNG", {}),
        ("png16", deep, "PNG", {}),
        ("rgba", gray.convert("RGBA"), "PNG", {}),
        ("palette", gray.convert("P"), "PNG", {}),
        ("jpeg", gray, "JPEG", {}),
        ("progressive", gray.convert("RGB"), "JPEG", {"progressive": True}),
        ("tiff", gray, "TIFF", {}),
        ("tiff lzw", deep, "TIFF", {"compression": "tiff_lzw"}),
        ("tiff deflate", gray, "TIFF", {"compression": "tiff_adobe_deflate"}),
        ("webp", gray.convert("RGB"), "WEBP", {}),
        ("webp lossless", gray.convert("RGB"), "WEBP", {"lossless": True}),
    ):
        stream = io.BytesIO()
        picture.save(stream, kind, **options)
        files[name] = stream.getvalue()
    files["dicom"] = _dicom(np.asarray(gray, np.uint16) * 16, compress=False)
    files["dicom rle"] = _dicom(np.asarray(gray, np.uint16) * 16, compress=True)
    return files


def _dicom(pixels: np.ndarray, *, compress: bool) -> bytes:
    """A 12-bit DX image."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    dataset = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID, dataset.SOPInstanceUID = meta.MediaStorageSOPClassUID, "1.2.3"
    dataset.Modality, dataset.PhotometricInterpretation, dataset.SamplesPerPixel = "DX", "MONOCHROME2", 1
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    dataset.WindowCenter, dataset.WindowWidth = "2048", "4096"
    dataset.PixelData = pixels.tobytes()
    if compress:
        dataset.compress(pydicom.uid.RLELossless)
    stream = io.BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()
