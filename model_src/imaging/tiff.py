"""TIFF: its layouts of samples beyond what Pillow tells, its tiles, its pages."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import TiffImagePlugin

from model_src.errors import UnsupportedImage
from model_src.imaging.decoding import check_pixel_count
from model_src.imaging.picture import DEEP_MODES, gray_pixels

_NEW_SUBFILE_TYPE, _SUBFILE_TYPE, _BITS, _PHOTOMETRIC, _SAMPLE_FORMAT = 254, 255, 258, 262, 339
_TILE_WIDTH, _TILE_LENGTH = 322, 323
_MINISWHITE = 0
_REDUCED, _OLD_REDUCED = 1, 2  # values that mark a page as a smaller copy of another
_MOST_PAGES = 16  # that are looked at; a film has one, and perhaps some smaller copies

# Layouts that Pillow reads little-endian only: 16 bits where 0 is white, and unsigned 32 bits.
TiffImagePlugin.OPEN_INFO.setdefault((b"MM", _MINISWHITE, (1,), 1, (16,), ()), ("I;16B", "I;16B"))
TiffImagePlugin.OPEN_INFO.setdefault((b"MM", 1, (1,), 1, (32,), ()), ("I", "I;32BS"))


def tiff_size(data: bytes) -> tuple[int, int]:
    """Width and height by the header of the page that is shown."""
    return _open(data).size


def read_tiff(data: bytes, warnings: list[str]) -> np.ndarray:
    """Decode a TIFF to float32 (H, W) in [0, 1] (see `picture.gray_pixels`).

    Of several pages the film is shown when all others are smaller copies of it.

    Raises:
        InvalidImage, ImageTooLarge: as all pictures.
        UnsupportedImage: several films, or samples in a layout that cannot be read exactly.
    """
    image = _open(data)
    tags = image.tag_v2
    check_pixel_count(*image.size)
    # A tile may be far larger than the image, and each is decoded whole.
    check_pixel_count(tags.get(_TILE_WIDTH, 1), tags.get(_TILE_LENGTH, 1))
    deep = image.mode in DEEP_MODES
    unsigned = tags.get(_SAMPLE_FORMAT, (1,)) == (1,)
    return gray_pixels(
        image,
        warnings,
        inverted=deep and tags.get(_PHOTOMETRIC, _MINISWHITE) == _MINISWHITE,
        unsigned=image.mode == "I" and tags.get(_BITS) == (32,) and unsigned,
        deep_colour=image.mode.startswith("RGB") and tags.get(_BITS, (1,))[0] == 16,
    )


def _open(data: bytes) -> TiffImagePlugin.TiffImageFile:
    """The file, at the page that is shown."""
    try:
        image = TiffImagePlugin.TiffImageFile(BytesIO(data))
        image.seek(_page(image))
    except SyntaxError as error:
        if "unknown pixel mode" in str(error):
            raise UnsupportedImage(
                "found a TIFF whose kind of samples cannot be read; save it as 8 or 16-bit gray"
            ) from error
        raise
    return image


def _page(image: TiffImagePlugin.TiffImageFile) -> int:
    """The number of the one page that is no smaller copy.

    A page is a copy when it says so, or when it has the shape of the largest page at half of its sides or less, as
    programs write thumbnails without saying so.
    """
    pages: list[tuple[int, int]] = []
    marked: list[bool] = []
    while len(pages) <= _MOST_PAGES:
        pages.append(image.size)
        tags = image.tag_v2
        mark, old_mark = tags.get(_NEW_SUBFILE_TYPE, 0), tags.get(_SUBFILE_TYPE, 0)
        marked.append(bool(mark & _REDUCED) or old_mark == _OLD_REDUCED)
        try:
            image.seek(len(pages))
        except EOFError:
            break
    width, height = max(pages, key=lambda size: size[0] * size[1])
    films = [
        number
        for number, (w, h) in enumerate(pages)
        if not (marked[number] and len(pages) > 1)
        and not (2 * w <= width and 2 * h <= height and abs(w * height - h * width) <= max(width, height))
    ]
    if len(films) != 1 or len(pages) > _MOST_PAGES:
        raise UnsupportedImage("found a TIFF of several pages; send one still image")
    return films[0]
