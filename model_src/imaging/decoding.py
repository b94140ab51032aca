"""What pictures and DICOM have in common on the way from stored samples to brightness in [0, 1].

`decoding` is the boundary to the libraries that parse bytes which anyone may have sent, `check_pixel_count` comes
before every decoder, and `full_scale` is the one rule that says which sample value is white.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from warnings import catch_warnings, filterwarnings

import numpy as np

from model_src.errors import ImageTooLarge, InvalidImage, RequestError

MAX_PIXELS = 64_000_000

# Bits per sample of X-ray detectors and of the files that carry them.
_DEPTHS = (8, 10, 12, 14, 16)


@dataclass(frozen=True)
class DecodedImage:
    """An image as its file shows it.

    `pixels` is float32 (H, W) in [0, 1], upright, bright = dense (as MONOCHROME2), C-contiguous and writable.
    """

    pixels: np.ndarray
    format: str  # the name of its row in `formats.FORMATS`
    warnings: tuple[str, ...] = ()  # one sentence each, fit for the response


def check_pixel_count(width: int, height: int) -> None:
    """Refuse an image by the size its header declares, before anything is decoded.

    Raises:
        InvalidImage: a side is zero.
        ImageTooLarge: more than 64 megapixels (64,000,000).
    """
    if width < 1 or height < 1:
        raise InvalidImage(f"found {width} x {height} pixels in the header; export the image again")
    if width * height > MAX_PIXELS:
        raise ImageTooLarge(
            f"found {width} x {height} pixels, need at most {MAX_PIXELS:,} (64 megapixels); send it smaller"
        )


def full_scale(highest: int, declared_bits: int) -> int:
    """The sample value that means white: 2**n - 1 for the smallest usual depth n that holds `highest`.

    n is one of 8, 10, 12, 14, 16, and at most `declared_bits` (what the container or header allows). A
    16-bit file mostly holds the 10 to 14 bits of a detector; scaled by 65535 it would be nearly black, and
    clipped to 255 white. Depths, rather than each image's own maximum, keep the brightness of images of
    one detector comparable, make a 12-bit PNG equal to the same DICOM, and leave a full 16-bit file alone.
    No image ends up below a quarter of full brightness.
    """
    for bits in _DEPTHS:
        if highest < 1 << bits:
            return (1 << min(bits, declared_bits)) - 1
    return (1 << declared_bits) - 1


def scale_samples(samples: np.ndarray, warnings: list[str]) -> np.ndarray:
    """Samples (H, W) of more than 8 bits, without a declared range, as float32 in [0, 1].

    Integers and floats from 0 to 65535 are divided by `full_scale`; floats within [0, 1] stay as they are;
    anything else (negative or larger) is stretched from its minimum to its maximum, and floats that are
    not finite become black; both are added to `warnings`.
    """
    pixels = samples.astype(np.float32)
    if samples.dtype.kind == "f":
        finite = np.isfinite(pixels)
        if not finite.all():
            warnings.append(f"{np.count_nonzero(~finite)} samples are not numbers (NaN or infinite): shown black")
            # Black is the lowest of the others, which the scaling below maps to 0 or near it.
            lowest = np.min(pixels, where=finite, initial=np.inf)
            pixels[~finite] = lowest if np.isfinite(lowest) else 0
    low, high = float(pixels.min()), float(pixels.max())
    if samples.dtype.kind == "f" and low >= 0 and high <= 1:
        return pixels
    if low >= 0 and high < 1 << 16:
        pixels /= full_scale(int(high), 16)
        # A float may lie between the largest integer of a depth and the next depth.
        return np.minimum(pixels, 1, out=pixels)
    warnings.append(f"samples from {low:g} to {high:g} have no declared range: stretched from lowest to highest")
    # Halved first: the difference of two float32 may be infinite.
    pixels *= 0.5
    pixels -= low * 0.5
    if high > low:
        pixels /= high * 0.5 - low * 0.5
    return np.clip(pixels, 0, 1, out=pixels)


@contextmanager
def decoding(name: str) -> Iterator[None]:
    """Run a third-party decoder of files of the format `name`: whatever it raises becomes an error of the request.

    Parsers meet damaged files with nearly any exception (struct.error, SyntaxError, KeyError, OverflowError,
    RecursionError, ...), so all of them are caught here. Keep what is ours and inside small, lest its
    mistakes look like damaged files; the cause stays chained.

    Raises:
        InvalidImage: the decoder failed. ImageTooLarge: it ran out of memory. RequestErrors pass unchanged.
    """
    try:
        with _QUIET:
            yield
    except RequestError:
        raise
    except MemoryError as error:
        raise ImageTooLarge(f"the {name} image does not fit into memory; send it smaller") from error
    except Exception as error:
        reason = one_line(error) or type(error).__name__
        raise InvalidImage(f"the {name} file is damaged ({reason}); export it again") from error


def one_line(text: object, limit: int = 160) -> str:
    """Foreign text (an exception, a header value) made printable, on one line, short enough for an answer."""
    return " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())[:limit]


class _Quiet:
    """Silences the warnings of decoders, which repeat our errors on stderr or speak of harmless metadata.

    `warnings.catch_warnings` swaps a list of the whole process, and two threads that overlap could restore
    it in the wrong order. Here the first thread that enters swaps it, and the last that leaves restores it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._catch = catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._catch = catch_warnings()
                self._catch.__enter__()
                filterwarnings("ignore", module=r"(PIL|pydicom|pylibjpeg|openjpeg|gdcm)(\.|$)")
            self._inside += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._catch.__exit__(None, None, None)


_QUIET = _Quiet()
