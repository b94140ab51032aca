"""The largest images that are taken, of the kinds that need most memory: 64 megapixels in less than 1 GB."""

from __future__ import annotations

import struct
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from model_src.imaging.xray import read_xray

Writer = Callable[..., bytes]
SIDE = 8000
MEGABYTES = 850
SECONDS = 4.0  # of one core; about half is usual


def gray_alpha_png(shape: tuple[int, int]) -> bytes:
    """16-bit gray and alpha: for Pillow, four bytes a pixel of which it keeps two."""
    height, width = shape

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    rows = zlib.compress((b"\0" + struct.pack(">HH", 3000, 65535) * width) * height, 1)
    header = struct.pack(">IIBBBBB", width, height, 16, 4, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def cases() -> dict[str, Callable[[Writer], bytes]]:
    """Makers of files."""
    flat = Image.new("L", (SIDE, SIDE), 99)
    exif = Image.Exif()
    exif[0x0112] = 6
    return {
        "16-bit gray and alpha": lambda write: gray_alpha_png((SIDE, SIDE)),
        "WebP": lambda write: write(flat, "WEBP", method=0),
        "JPEG on its side": lambda write: write(flat.convert("RGB"), "JPEG", exif=exif),
        "CMYK": lambda write: write(flat.convert("CMYK"), "JPEG"),
        "RGBA": lambda write: write(flat.convert("RGBA"), "PNG", compress_level=1),
    }


@pytest.mark.parametrize("kind", ["16-bit gray and alpha", "WebP", "JPEG on its side", "CMYK", "RGBA"])
def test_sixty_four_megapixels(write_picture: Writer, kind: str) -> None:
    data = cases()[kind](write_picture)
    assert len(data) < 32 << 20
    Path("/proc/self/clear_refs").write_text("5")  # begin to look for the peak anew
    idle = resident_mb("VmRSS")
    begun = time.process_time()
    xray = read_xray(data, 224)
    took = time.process_time() - begun
    assert (xray.width, xray.height) == (SIDE, SIDE)
    assert resident_mb("VmHWM") - idle < MEGABYTES
    assert took < SECONDS


def resident_mb(name: str) -> float:
    """Resident memory of this process: VmRSS now, VmHWM at its peak."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1]) / 1e3
