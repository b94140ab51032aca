"""Pictures to gray pixels in [0, 1]: PNG and WebP, and what all formats share that Pillow decodes."""

from __future__ import annotations

import logging
import struct
import zlib
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image, ImageFile, PngImagePlugin, WebPImagePlugin

from model_src.errors import InvalidImage, UnsupportedImage
from model_src.imaging.decoding import check_pixel_count, scale_samples
from model_src.imaging.png_metadata import METADATA, without_large_metadata

# Pillow's log repeats what our errors say, and quotes tags of the file.
logging.getLogger("PIL").setLevel(logging.CRITICAL)

# How to turn an image upright, by the value of its EXIF orientation.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION = 0x0112

DEEP_MODES = {"I;16", "I;16B", "I;16L", "I", "F"}
_SHALLOW_MODES = {"1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"}

# Bit depth and colour type, as bytes 24 and 25 of a PNG.
_GRAY_ALPHA_16, _RGBA_8 = b"\x10\x04", b"\x08\x06"

# 16-bit colour whose brightest high byte is below a quarter of the range is refused.
_FEWEST_LEVELS = 64

# Rows that are worked on together, where all at once would take too much memory.
_BAND = 256

# A pixel is coloured when its channels differ by this much of 255 (JPEG's chroma noise stays below), and a
# picture is a colour picture when this share of its pixels is (markers and annotations stay below).
_COLOURED = 24
_COLOUR_SHARE = 0.05


class _WebPImageFile(WebPImagePlugin.WebPImageFile):
    """A still WebP. Pillow's own class keeps its decoder, which holds two canvases of four bytes a pixel."""

    def _get_next(self) -> tuple[bytes, int, int]:
        frame = super()._get_next()
        self._decoder = None
        return frame


def png_size(data: bytes) -> tuple[int, int]:
    """Width and height in the header."""
    if data[12:16] != b"IHDR":
        raise InvalidImage("the PNG file is damaged (no header); export it again")
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def read_png(data: bytes, warnings: list[str]) -> np.ndarray:
    """Decode a PNG to float32 (H, W) in [0, 1] (see `gray_pixels`).

    Raises:
        InvalidImage, ImageTooLarge: as all pictures.
        UnsupportedImage: animated, or 16-bit colour that is nearly black.
    """
    check_pixel_count(*png_size(data))
    if any(name in data for name in METADATA):
        data = without_large_metadata(data, warnings)
    depth_and_colour = data[24:26]
    if depth_and_colour == _GRAY_ALPHA_16:
        return gray_pixels(PngImagePlugin.PngImageFile(BytesIO(_two_for_four(data))), warnings, paired=True)
    deep_colour = data[24] == 16
    return gray_pixels(PngImagePlugin.PngImageFile(BytesIO(data)), warnings, deep_colour=deep_colour)


def webp_size(data: bytes) -> tuple[int, int]:
    """Width and height in the header: Pillow's class may allocate the canvas on opening."""
    chunk = data[12:16]
    if chunk == b"VP8X" and len(data) >= 30:
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if chunk == b"VP8L" and len(data) >= 25:
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if chunk == b"VP8 " and len(data) >= 30:
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    raise InvalidImage("the WEBP file is damaged (no header); export it again")


def read_webp(data: bytes, warnings: list[str]) -> np.ndarray:
    """Decode a WebP to float32 (H, W) in [0, 1] (see `gray_pixels`).

    Raises:
        InvalidImage, ImageTooLarge: as all pictures.
        UnsupportedImage: animated.
    """
    check_pixel_count(*webp_size(data))
    return gray_pixels(_WebPImageFile(BytesIO(data)), warnings)


def gray_pixels(
    image: ImageFile.ImageFile,
    warnings: list[str],
    *,
    inverted: bool = False,
    unsigned: bool = False,
    deep_colour: bool = False,
    paired: bool = False,
) -> np.ndarray:
    """Gray float32 (H, W) in [0, 1] of an opened picture, which is closed.

    Colour becomes luma (ITU-R 601). Transparency is laid on black, the brightness of air on a radiograph and
    so of what surrounds a patient. Colour profiles and gamma are not applied: gray values of X-rays are meant
    as stored. EXIF orientation is applied.

    Args:
        image: opened, at the page that is meant, its size within the limit.
        warnings: what there is to say is added.
        inverted: 0 is white, which Pillow has not undone.
        unsigned: Pillow holds unsigned 32-bit samples as signed.
        deep_colour: 16-bit colour, of which Pillow keeps the high bytes.
        paired: 16-bit gray and alpha, opened as 8-bit RGBA (see `_two_for_four`).

    Raises:
        UnsupportedImage: animated, an odd colour mode, or deep colour that is nearly black.
    """
    check_pixel_count(*image.size)
    if getattr(image, "is_animated", False) and image.format != "TIFF":
        raise UnsupportedImage(f"found an animated {image.format}; send one still image")
    image.load()
    turn = _turn(image, warnings)
    if paired:
        gray = _deep_gray_alpha(image, turn)
    elif image.mode in DEEP_MODES:
        gray = _deep_gray(image, turn, unsigned=unsigned)
    else:
        gray = _shallow(image, turn, warnings)
    image.close()  # before float32 takes four bytes a pixel
    pixels = _brightness(gray, warnings, inverted=inverted)
    if deep_colour and image.mode not in DEEP_MODES:
        _refuse_few_levels(pixels)
    return pixels


@dataclass(frozen=True)
class _Gray:
    """A picture's samples without colour, upright, as small as its file has them."""

    samples: np.ndarray  # (H, W): uint8 where 255 is white, else whatever `scale_samples` takes
    alpha: np.ndarray | None = None  # (H, W) uint8 or uint16: opacity, the highest value is opaque
    transparent: int | None = None  # the sample that is seen through


def _brightness(gray: _Gray, warnings: list[str], *, inverted: bool) -> np.ndarray:
    """float32 (H, W) in [0, 1], with transparency laid on black."""
    samples = gray.samples
    pixels = _divide(samples) if samples.dtype == np.uint8 else scale_samples(samples, warnings)
    if inverted:
        np.subtract(1, pixels, out=pixels)

    if gray.transparent is not None:
        pixels[samples == gray.transparent] = 0
    if gray.alpha is not None:
        for start in range(0, len(pixels), _BAND):
            band = slice(start, start + _BAND)
            pixels[band] *= _divide(gray.alpha[band])
    return pixels


def _turn(image: ImageFile.ImageFile, warnings: list[str]) -> Image.Transpose | None:
    """How to turn `image` (loaded) upright by its EXIF orientation; Pillow has done so with TIFF already."""
    try:
        return _UPRIGHT.get(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # damaged EXIF fails in many ways, and the image itself is fine
        warnings.append("the EXIF data cannot be read: shown as stored, perhaps not upright")
        return None


def _samples(image: Image.Image, turn: Image.Transpose | None) -> np.ndarray:
    """The samples of `image`, turned, (H, W) or (H, W, channels)."""
    return np.asarray(image if turn is None else image.transpose(turn))


def _two_for_four(data: bytes) -> bytes:
    """A PNG of 16-bit gray and alpha with its header changed to 8-bit RGBA.

    Pillow keeps only the high byte of such samples. PNG filters work on bytes, and both kinds have four
    bytes a pixel, so as RGBA all bytes arrive: gray high, gray low, alpha high, alpha low.
    """
    header = data[12:24] + _RGBA_8 + data[26:29]  # "IHDR", width, height, layout, compression .. interlace
    return data[:12] + header + struct.pack(">I", zlib.crc32(header)) + data[33:]


def _deep_gray_alpha(image: Image.Image, turn: Image.Transpose | None) -> _Gray:
    """16-bit gray and alpha that were read as RGBA (see `_two_for_four`)."""
    upright = image if turn is None else image.transpose(turn)
    width, height = upright.size
    samples, alpha = (np.empty((height, width), np.uint16) for _ in range(2))
    for top in range(0, height, _BAND):  # in bands: the whole as an array is another 4 bytes a pixel
        bottom = min(top + _BAND, height)
        both = np.asarray(upright.crop((0, top, width, bottom))).view(">u2")  # (rows, W, 2)
        samples[top:bottom], alpha[top:bottom] = both[..., 0], both[..., 1]
    return _Gray(samples, alpha)


def _deep_gray(image: ImageFile.ImageFile, turn: Image.Transpose | None, *, unsigned: bool) -> _Gray:
    """Gray samples of 12, 16 or 32 bits or float."""
    samples = _samples(image, turn)
    transparent = image.info.get("transparency")
    return _Gray(
        samples.view(np.uint32) if unsigned else samples,
        transparent=transparent if isinstance(transparent, int) else None,
    )


def _shallow(image: Image.Image, turn: Image.Transpose | None, warnings: list[str]) -> _Gray:
    """Samples that Pillow holds in 1 or 8 bits per channel, with or without colour and transparency."""
    if image.mode not in _SHALLOW_MODES:
        raise UnsupportedImage(f"found a picture of colour mode {image.mode}; save it as gray or RGB")
    if image.mode == "La":  # already multiplied by its alpha, that is laid on black
        return _Gray(_samples(image.getchannel(0), turn))
    if "transparency" in image.info or image.mode == "PA":
        image = image.convert("RGBA")
    elif image.mode in ("P", "CMYK", "YCbCr"):
        image = image.convert("RGB")
    if image.mode.startswith("RGB") and _is_colour(image):
        warnings.append("a colour picture, not a gray X-ray: its brightness alone is used")
    alpha = _samples(image.getchannel("A"), turn) if image.mode in ("LA", "RGBA") else None
    # Turned last: a quarter of the bytes of RGB.
    return _Gray(_samples(image.convert("L"), turn), alpha)


def _divide(samples: np.ndarray) -> np.ndarray:
    """Unsigned samples of 8 or 16 bits as float32 in [0, 1], the highest possible one as 1."""
    return np.divide(samples, np.float32(np.iinfo(samples.dtype).max), dtype=np.float32)


def _is_colour(image: Image.Image) -> bool:
    """True when a visible share of an RGB or RGBA picture's pixels is chromatic."""
    width, height = image.size
    sample = image.resize((min(width, 256), min(height, 256)), Image.Resampling.NEAREST).convert("RGB")
    channels = np.asarray(sample).astype(np.int16)
    return float((channels.max(axis=2) - channels.min(axis=2) > _COLOURED).mean()) > _COLOUR_SHARE


def _refuse_few_levels(pixels: np.ndarray) -> None:
    """The high bytes of 10 or 12-bit data in 16-bit channels are a handful of gray levels, nearly black."""
    highest = round(float(pixels.max()) * 255)
    if highest < _FEWEST_LEVELS:
        raise UnsupportedImage(
            f"found 16-bit colour that uses {highest + 1} of 256 brightness levels; save it as 16-bit gray"
        )
