"""DICOM's grayscale pipeline for radiographs: stored value -> modality -> values of interest -> brightness.

PS3.3 C.11.1 (modality LUT or rescale), C.11.2 (VOI LUT or window), C.7.6.3.1.2 (photometric interpretation).
All of it is a function of one stored value of at most 16 bits, so it is worked out for every possible value.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from model_src.imaging.decoding import full_scale, one_line

# Slopes, intercepts and windows beyond these are slips, and would overflow in what follows.
_LEAST, _MOST = 1e-15, 1e15


@dataclass(frozen=True)
class Samples:
    """The stored samples of one image, as far as the pipeline needs them."""

    used: np.ndarray  # bool (2**bits_stored,): which bit patterns occur
    bits_stored: int
    signed: bool

    def values(self) -> np.ndarray:
        """The value of every bit pattern, float64 (2**bits_stored,)."""
        values = np.arange(1 << self.bits_stored, dtype=np.float64)
        if self.signed:
            values[values.size // 2 :] -= values.size
        return values


@dataclass(frozen=True)
class _Stage:
    """The modality's output for every bit pattern, and which of it is black and white without a window."""

    values: np.ndarray  # float64 (2**bits_stored,)
    black: float
    white: float
    doubt: str = ""  # said when black and white are used


def brightness_table(ds: Dataset, samples: Samples, said: list[str]) -> np.ndarray:
    """Brightness of every bit pattern, float32 (2**bits_stored,) in [0, 1], bright = dense (MONOCHROME2).

    A VOI LUT is preferred to a window, and the first of several is taken, as viewers do. Without either the
    full scale of the modality's output is shown (see `decoding.full_scale`). Padding is black. What had to be
    passed over is added to `said`.
    """
    stored = samples.values()
    padding = _padding(ds, stored)
    image = samples.used & ~padding
    if not image.any():
        padding[:] = False
        image = samples.used

    stage = _modality(ds, stored, image, samples, said)
    brightness = _values_of_interest(ds, stage.values, said)
    if brightness is not None and np.ptp(brightness[image]) == 0 < np.ptp(stage.values[image]):
        said.append("the header's window or VOI LUT makes all pixels alike: ignored")
        brightness = None
    if brightness is None:
        brightness = np.clip((stage.values - stage.black) / (stage.white - stage.black), 0, 1)
        said += [stage.doubt] if stage.doubt else []
    if header_text(ds, "PhotometricInterpretation") == "MONOCHROME1":
        brightness = 1 - brightness
    brightness[padding] = 0
    return brightness.astype(np.float32)


def _modality(ds: Dataset, stored: np.ndarray, image: np.ndarray, samples: Samples, said: list[str]) -> _Stage:
    """Modality LUT, or rescale slope and intercept, or neither (C.11.1)."""
    if item := _first_lut(ds, "ModalityLUTSequence"):
        values, top = _apply_lut(item, stored)
        return _Stage(values, 0, top)
    lowest, highest, doubt = _stored_range(stored[image], samples)
    slope, intercept = _number(ds, "RescaleSlope", said), _number(ds, "RescaleIntercept", said)
    slope = 1.0 if slope is None else slope
    intercept = 0.0 if intercept is None else intercept
    black, white = sorted((lowest * slope + intercept, highest * slope + intercept))
    if black < white:
        return _Stage(stored * slope + intercept, black, white, doubt)
    said.append(f"RescaleSlope {slope:g} and RescaleIntercept {intercept:g} leave no range: ignored")
    return _Stage(stored, lowest, highest, doubt)


def _stored_range(values: np.ndarray, samples: Samples) -> tuple[int, int, str]:
    """Black, white, and a doubt when the image uses a smaller depth than its header declares."""
    low, high = int(values.min()), int(values.max())
    bits = samples.bits_stored
    if low >= 0:
        # Signed samples without negative values are mostly unsigned ones of one bit less.
        declared = max(bits - 1, 1) if samples.signed else bits
        black, white = 0, full_scale(high, declared)
    else:
        declared = bits
        # The smallest depth whose negative and positive half hold both ends.
        white = full_scale(2 * max(high, -low - 1) + 1, declared) // 2
        black = -white - 1
    doubt = ""
    if white - black < (1 << declared) - 1:
        doubt = f"the header declares {declared} bits, the pixels need fewer: {white} is taken as white"
    return black, white, doubt


def _values_of_interest(ds: Dataset, values: np.ndarray, said: list[str]) -> np.ndarray | None:
    """VOI LUT or window applied to the modality's output, in [0, 1]; None without a usable one (C.11.2)."""
    if item := _first_lut(ds, "VOILUTSequence"):
        output, white = _apply_lut(item, values)
        return np.clip(output / white, 0, 1)
    center, width = _number(ds, "WindowCenter", said), _number(ds, "WindowWidth", said)
    if center is None or width is None:
        return None
    function = header_text(ds, "VOILUTFunction") or "LINEAR"
    if function == "LINEAR" and width >= 1:
        # C.11.2.1.2.1; a width of 1 is a threshold.
        center, width = center - 0.5, width - 1
        return np.clip((values - center) / width + 0.5, 0, 1) if width else np.heaviside(values - center, 0)
    if function == "LINEAR_EXACT" and width > 0:
        return np.clip((values - center) / width + 0.5, 0, 1)
    if function == "SIGMOID" and width > 0:
        # Beyond +-700 the exponential overflows, and the sigmoid is 0 or 1 long before.
        return 1 / (1 + np.exp(np.clip(-4 * (values - center) / width, -700, 700)))
    said.append(f"the header's window ({function[:16]}, width {width:g}) is not valid: ignored")
    return None


def _first_lut(ds: Dataset, keyword: str) -> Dataset | None:
    """The first item of a LUT sequence, if it holds a LUT."""
    items = ds.get(keyword)
    if not items or any(tag not in items[0] or items[0][tag].is_empty for tag in ("LUTDescriptor", "LUTData")):
        return None
    return items[0]


def _apply_lut(item: Dataset, values: np.ndarray) -> tuple[np.ndarray, int]:
    """Look `values` up in a LUT item: the output, float64, and its white (C.11.1.1, C.11.2.1.1).

    Values before the first entry get the first, values after the last get the last.
    """
    entries, first, bits = (int(number) for number in item.LUTDescriptor)
    data = item.LUTData
    if isinstance(data, bytes):
        packed = bits <= 8 and len(data) <= (entries or 1 << 16) + 1  # one entry a byte, padded to be even
        order = "<" if item.original_encoding[1] else ">"
        table = np.frombuffer(data, np.uint8 if packed else f"{order}u2")
    else:
        table = np.atleast_1d(np.asarray(data, dtype=np.int64)) & 0xFFFF
    table = table[: entries or 1 << 16].astype(np.float64)
    white = full_scale(int(table.max()), min(max(bits, 8), 16))
    index = np.clip(np.rint(values) - first, 0, table.size - 1).astype(np.intp)
    return np.minimum(table[index], white), white


def _padding(ds: Dataset, stored: np.ndarray) -> np.ndarray:
    """Which values mark pixels outside the image (C.7.5.1.1.2), bool like `stored`."""
    value, limit = ds.get("PixelPaddingValue"), ds.get("PixelPaddingRangeLimit")
    if not isinstance(value, int):
        return np.zeros(stored.shape, dtype=bool)
    limit = limit if isinstance(limit, int) else value
    return (stored >= min(value, limit)) & (stored <= max(value, limit))


def _number(ds: Dataset, keyword: str, said: list[str]) -> float | None:
    """A decimal string's first value; None when absent, or (which is said) when it is no number of use."""
    try:
        value = ds.get(keyword)
        if isinstance(value, MultiValue):
            value = value[0] if value else None
        if value is None or value == "":
            return None
        if (number := float(value)) == 0 or _LEAST < abs(number) < _MOST:
            return number
    except (ValueError, TypeError, OverflowError):
        pass
    said.append(f"{keyword} in the header is not a number: ignored")
    return None


def header_text(ds: Dataset, keyword: str) -> str:
    """A header text in capitals, "" when absent; the first of several."""
    value = ds.get(keyword)
    if isinstance(value, MultiValue):
        value = value[0] if value else None
    return "" if value is None else one_line(value, 64).upper()
