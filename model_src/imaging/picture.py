"""Pictures (PNG, JPEG, WebP, TIFF) to gray pixels in [0, 1], decoded by Pillow."""

from __future__ import annotations

import logging
import struct
import zlib
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image, ImageFile, JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin

from model_src.errors import UnsupportedImage
from model_src.imaging.decoding import Decoded, check_size, decoding, scale_samples
from model_src.imaging.jpeg_scans import check_scans

# Pillow's log repeats what our errors say, and quotes tags of the file.
logging.getLogger("PIL").setLevel(logging.CRITICAL)


class _WebPImageFile(WebPImagePlugin.WebPImageFile):
    """A still WebP. Pillow's own class keeps its decoder, which holds two canvases of four bytes a pixel."""

    def _get_next(self) -> tuple[bytes, int, int]:
        frame = super()._get_next()
        self._decoder = None
        return frame


# The four formats are opened by their own class, never by trying all that Pillow knows.
_OPENERS: dict[str, type[ImageFile.ImageFile]] = {
    "PNG": PngImagePlugin.PngImageFile,
    "JPEG": JpegImagePlugin.JpegImageFile,
    "WEBP": _WebPImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
}

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

_PHOTOMETRIC, _TILE_WIDTH, _TILE_LENGTH, _BITS, _SAMPLE_FORMAT = 262, 322, 323, 258, 339
_MINISWHITE = 0

_DEEP_MODES = {"I;16", "I;16B", "I;16L", "I", "F"}
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

# Layouts that Pillow reads little-endian only: 16 bits where 0 is white, and unsigned 32 bits.
TiffImagePlugin.OPEN_INFO.setdefault((b"MM", _MINISWHITE, (1,), 1, (16,), ()), ("I;16B", "I;16B"))
TiffImagePlugin.OPEN_INFO.setdefault((b"MM", 1, (1,), 1, (32,), ()), ("I", "I;32BS"))


def read_picture(data: bytes, kind: str) -> Decoded:
    """Decode a whole file of `kind` "PNG", "JPEG", "WEBP" or "TIFF".

    Colour becomes luma (ITU-R 601). Transparency is laid on black, the brightness of air on a radiograph and
    so of what surrounds a patient. Colour profiles and gamma are not applied: gray values of X-rays are meant
    as stored. EXIF orientation is applied.

    Raises:
        InvalidImage: damaged or truncated. ImageTooLarge: more than 64 megapixels.
        UnsupportedImage: animated, several pages, or samples in a layout that cannot be read exactly.
    """
    said: list[str] = []
    gray_alpha = kind == "PNG" and data[24:26] == _GRAY_ALPHA_16
    with decoding(kind):
        if size := declared_size(data, kind):
            check_size(*size)
        image = _open(_two_for_four(data) if gray_alpha else data, kind)
        check_size(*image.size)
        _refuse_several(image, kind)
        _refuse_large_tiles(image)
        if kind == "JPEG":
            check_scans(data, *image.size)
        image.load()
        turn = _turn(image, said)
        if gray_alpha:
            gray = _deep_gray_alpha(image, turn)
        elif image.mode in _DEEP_MODES:
            gray = _deep_gray(image, turn)
        else:
            gray = _shallow(image, turn, said, deep_colour=_is_deep_colour(data, image))
        image.close()  # before float32 takes four bytes a pixel
        pixels = _brightness(gray, said)
        if gray.deep_colour:
            _refuse_few_levels(pixels)
    return Decoded(pixels, tuple(said))


@dataclass(frozen=True)
class _Gray:
    """A picture's samples without colour, upright, as small as its file has them."""

    samples: np.ndarray  # (H, W): uint8 where 255 is white, else whatever `scale_samples` takes
    alpha: np.ndarray | None = None  # (H, W) uint8 or uint16: opacity, the highest value is opaque
    inverted: bool = False  # 0 is white
    transparent: int | None = None  # the sample that is seen through
    deep_colour: bool = False  # what Pillow kept of 16-bit colour


def _brightness(gray: _Gray, said: list[str]) -> np.ndarray:
    """float32 (H, W) in [0, 1], with transparency laid on black."""
    samples = gray.samples
    pixels = _divide(samples) if samples.dtype == np.uint8 else scale_samples(samples, said)
    if gray.inverted:
        np.subtract(1, pixels, out=pixels)
    if gray.transparent is not None:
        pixels[samples == gray.transparent] = 0
    if gray.alpha is not None:
        for start in range(0, len(pixels), _BAND):
            band = slice(start, start + _BAND)
            pixels[band] *= _divide(gray.alpha[band])
    return pixels


def declared_size(data: bytes, kind: str) -> tuple[int, int] | None:
    """Width and height in the header of a PNG or WebP, whose classes may allocate the canvas on opening."""
    if kind == "PNG" and data[12:16] == b"IHDR" and len(data) >= 24:
        width, height = struct.unpack(">II", data[16:24])
        return width, height
    if kind == "WEBP" and data[12:16] == b"VP8X" and len(data) >= 30:
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if kind == "WEBP" and data[12:16] == b"VP8L" and len(data) >= 25:
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == "WEBP" and data[12:16] == b"VP8 " and len(data) >= 30:
        width, height = struct.unpack("<HH", data[26:30])
        return width & 0x3FFF, height & 0x3FFF
    return None


def _open(data: bytes, kind: str) -> ImageFile.ImageFile:
    try:
        return _OPENERS[kind](BytesIO(data))
    except SyntaxError as error:
        if kind == "TIFF" and "unknown pixel mode" in str(error):
            raise UnsupportedImage(
                "found a TIFF whose kind of samples cannot be read; save it as 8 or 16-bit gray"
            ) from error
        raise


def _refuse_several(image: ImageFile.ImageFile, kind: str) -> None:
    if getattr(image, "is_animated", False):
        found = "a TIFF of several pages" if kind == "TIFF" else f"an animated {kind}"
        raise UnsupportedImage(f"found {found}; send one still image")


def _refuse_large_tiles(image: ImageFile.ImageFile) -> None:
    """A TIFF's tiles may be far larger than the image, and each is decoded whole."""
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        width, height = (image.tag_v2.get(tag, 1) for tag in (_TILE_WIDTH, _TILE_LENGTH))
        check_size(width, height)


def _turn(image: ImageFile.ImageFile, said: list[str]) -> Image.Transpose | None:
    """How to turn `image` (loaded) upright by its EXIF orientation; Pillow has done so with TIFF already."""
    try:
        return _UPRIGHT.get(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # damaged EXIF fails in many ways, and the image itself is fine
        said.append("the EXIF data cannot be read: shown as stored, perhaps not upright")
        return None


def _samples(image: Image.Image, turn: Image.Transpose | None) -> np.ndarray:
    """The samples of `image`, turned, (H, W) or (H, W, channels)."""
    return np.asarray(image if turn is None else image.transpose(turn))


def _two_for_four(data: bytes) -> bytes:
    """A PNG of 16-bit gray and alpha with its header changed to 8-bit RGBA.

    Pillow keeps only the high byte of such samples. PNG filters work on bytes, and both kinds have four
    bytes a pixel, so as RGBA all bytes arrive: gray high, gray low, alpha high, alpha low.
    """
    header = data[12:24] + _RGBA_8 + data[26:29]  # "IHDR", width, height, kind, compression .. interlace
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


def _deep_gray(image: ImageFile.ImageFile, turn: Image.Transpose | None) -> _Gray:
    """Gray samples of 12, 16 or 32 bits or float."""
    samples = _samples(image, turn)
    inverted = False
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        inverted = image.tag_v2.get(_PHOTOMETRIC, _MINISWHITE) == _MINISWHITE
        unsigned = image.tag_v2.get(_SAMPLE_FORMAT, (1,)) == (1,)
        if image.mode == "I" and image.tag_v2.get(_BITS) == (32,) and unsigned:
            samples = samples.view(np.uint32)  # Pillow holds unsigned 32-bit samples as signed
    transparent = image.info.get("transparency")
    return _Gray(samples, inverted=inverted, transparent=transparent if isinstance(transparent, int) else None)


def _shallow(image: Image.Image, turn: Image.Transpose | None, said: list[str], *, deep_colour: bool) -> _Gray:
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
        said.append("a colour picture, not a gray X-ray: its brightness alone is used")
    alpha = _samples(image.getchannel("A"), turn) if image.mode in ("LA", "RGBA") else None
    # Turned last: a quarter of the bytes of RGB.
    return _Gray(_samples(image.convert("L"), turn), alpha, deep_colour=deep_colour)


def _divide(samples: np.ndarray) -> np.ndarray:
    """Unsigned samples of 8 or 16 bits as float32 in [0, 1], the highest possible one as 1."""
    return np.divide(samples, np.float32(np.iinfo(samples.dtype).max), dtype=np.float32)


def _is_colour(image: Image.Image) -> bool:
    """True when a visible share of an RGB or RGBA picture's pixels is chromatic."""
    width, height = image.size
    sample = image.resize((min(width, 256), min(height, 256)), Image.Resampling.NEAREST).convert("RGB")
    channels = np.asarray(sample).astype(np.int16)
    return float((channels.max(axis=2) - channels.min(axis=2) > _COLOURED).mean()) > _COLOUR_SHARE


def _is_deep_colour(data: bytes, image: ImageFile.ImageFile) -> bool:
    """True for RGB samples of 16 bits, of which Pillow keeps the high byte."""
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return image.mode.startswith("RGB") and image.tag_v2.get(_BITS, (1,))[0] == 16
    return image.format == "PNG" and data[24] == 16


def _refuse_few_levels(pixels: np.ndarray) -> None:
    """The high bytes of 10 or 12-bit data in 16-bit channels are a handful of gray levels, nearly black."""
    highest = round(float(pixels.max()) * 255)
    if highest < _FEWEST_LEVELS:
        raise UnsupportedImage(
            f"found 16-bit colour that uses {highest + 1} of 256 brightness levels; save it as 16-bit gray"
        )
