"""DICOM's grayscale pipeline for radiographs: stored value -> modality -> values of interest -> brightness.

PS3.3 C.11.1 (modality LUT or rescale), C.11.2 (VOI LUT or window), C.7.6.3.1.2 (photometric interpretation).
All of it is a function of one stored value of at most 16 bits, so it is worked out for every possible value.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from model_src.imaging.decoding import full_scale
from model_src.imaging.dicom.header import header_text
from model_src.imaging.dicom.reading import Samples

# Slopes, intercepts and windows beyond these are slips, and would overflow in what follows.
_LEAST, _MOST = 1e-15, 1e15

# Of the range of brightness. A window that leaves less to all possible samples was made for two bits more; one that
# leaves less to the samples at hand, where full scale shows twice as much, for other values.
_LEAST_OF_POSSIBLE, _LEAST_SHOWN = 0.26, 1 / 8
# Shares of the pixels that a window makes plain black or white although they differ.
_LOST_TO_A_SHALLOW_WINDOW, _LOST = 0.5, 0.95
_DEPTHS = (8, 10, 12, 14)
# A film whose samples all lie far from black in a narrow band is shown by its own contrast, if it has as many levels.
_NARROW, _LEVELS = 1 / 8, 256
_OUTLIERS = 0.001
_FEWEST = 64  # different values


@dataclass(frozen=True)
class _Stage:
    """The modality's output for every word, and which of it is black and white without a window."""

    values: np.ndarray  # float64 (N,)
    black: float
    white: float
    step: float = 1.0  # between neighbouring samples
    doubt: str = ""  # said when black and white are used


def brightness_table(ds: Dataset, samples: Samples, warnings: list[str]) -> np.ndarray:
    """Brightness of every word, float32 (N,) in [0, 1], bright = dense (MONOCHROME2).

    A VOI LUT is preferred to a window, and the first of several is taken, as viewers do; what the samples contradict
    is passed over. Without either the full scale of the modality's output is shown (see `decoding.full_scale`), or
    the picture's own contrast where that leaves it gray on gray. Padding is black. What had to be passed over is
    added to `warnings`.
    """
    image = samples.image
    stage = _modality(ds, samples, warnings)
    plain = np.clip((stage.values - stage.black) / (stage.white - stage.black), 0, 1)
    brightness = None
    for name, candidate in _values_of_interest(ds, stage.values, warnings):
        objection = _objection(ds, candidate, plain, stage.values, samples)
        if objection:
            warnings.append(f"the header's {name} {objection}: ignored")
            continue
        brightness = candidate
        if name != "VOI LUT" and _lost(candidate, stage.values, samples) > _LOST:
            warnings.append(f"the header's {name} shows nearly all pixels plain black or white")
        break
    if brightness is None:
        brightness = _own_contrast(stage, samples, warnings)
        if brightness is None:
            brightness = plain
            warnings += [stage.doubt] if stage.doubt else []
    if header_text(ds, "PhotometricInterpretation") == "MONOCHROME1":
        brightness = 1 - brightness
    if not (image & samples.padding).any():  # unless there is nothing else
        brightness[samples.padding] = 0
    return brightness.astype(np.float32)


def _objection(ds: Dataset, shown: np.ndarray, plain: np.ndarray, values: np.ndarray, samples: Samples) -> str:
    """What speaks against a window or VOI LUT that shows every word as `shown`; "" for nothing."""
    image = samples.image
    if np.ptp(shown[image]) == 0 < np.ptp(values[image]):
        return "makes all pixels alike"
    possible = np.ptp(shown[samples.possible])
    if possible < _LEAST_OF_POSSIBLE:
        return f"is made for other values than samples of {samples.bits} bits can have"
    span = np.ptp(shown[image])
    if span < _LEAST_SHOWN and np.ptp(plain[image]) >= 2 * span:
        return f"leaves {100 * span:.0f}% of the brightness to the samples"
    if (bits := _window_depth(ds)) and _lost(shown, values, samples) > _LOST_TO_A_SHALLOW_WINDOW:
        return f"is made for {bits} bits, the samples have more"
    return ""


def _window_depth(ds: Dataset) -> int:
    """The depth whose whole range the header's window spans, from 0; 0 for none."""
    center, width = _number(ds, "WindowCenter", []), _number(ds, "WindowWidth", [])
    if center is None or width is None or "VOILUTSequence" in ds:
        return 0
    return next((b for b in _DEPTHS if abs(width - (1 << b)) <= 1 and abs(center - (1 << b - 1)) <= 1), 0)


def _lost(shown: np.ndarray, values: np.ndarray, samples: Samples) -> float:
    """The share of the pixels that is plain black or white without being the lowest or highest of all."""
    image = samples.image
    inside = (values > values[image].min()) & (values < values[image].max())
    plain = image & inside & ((shown <= 0) | (shown >= 1))
    return float(samples.counts[plain].sum() / samples.counts[image].sum())


def _own_contrast(stage: _Stage, samples: Samples, warnings: list[str]) -> np.ndarray | None:
    """Brightness from the lowest to the highest sample, where full scale shows a narrow band of gray; or None.

    So it is when all samples are too high by one number: 32768 where signed samples were taken for unsigned ones.
    """
    image = samples.image
    order = np.argsort(stage.values[image], kind="stable")
    values, counts = stage.values[image][order], samples.counts[image][order]
    below = np.cumsum(counts) / counts.sum()
    for outliers in (0, _OUTLIERS):
        low = values[np.searchsorted(below, outliers, side="right")]
        high = values[min(np.searchsorted(below, 1 - outliers), values.size - 1)]
        band = high - low
        levels = np.count_nonzero((values >= low) & (values <= high))
        if (
            band < _NARROW * (stage.white - stage.black)
            and low - stage.black > band
            and levels >= _FEWEST
            and band / stage.step >= _LEVELS - 1
        ):
            warnings.append(f"all samples lie between {low:g} and {high:g}: shown from the lowest to the highest")
            return np.clip((stage.values - low) / band, 0, 1)
    return None


def _modality(ds: Dataset, samples: Samples, warnings: list[str]) -> _Stage:
    """Modality LUT, or rescale slope and intercept, or neither (C.11.1)."""
    stored = samples.values
    if item := _first_lut(ds, "ModalityLUTSequence"):
        values, top = _apply_lut(item, stored)
        return _Stage(values, 0, top)
    lowest, highest, doubt = _stored_range(stored[samples.image], samples)
    slope, intercept = _number(ds, "RescaleSlope", warnings), _number(ds, "RescaleIntercept", warnings)
    slope = 1.0 if slope is None else slope
    intercept = 0.0 if intercept is None else intercept
    black, white = sorted((lowest * slope + intercept, highest * slope + intercept))
    if black < white:
        return _Stage(stored * slope + intercept, black, white, abs(slope), doubt)
    warnings.append(f"RescaleSlope {slope:g} and RescaleIntercept {intercept:g} leave no range: ignored")
    return _Stage(stored, lowest, highest, doubt=doubt)


def _stored_range(values: np.ndarray, samples: Samples) -> tuple[int, int, str]:
    """Black, white, and a doubt when the image uses a smaller depth than its header declares."""
    low, high = int(values.min()), int(values.max())
    bits = samples.bits
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


def _values_of_interest(ds: Dataset, values: np.ndarray, warnings: list[str]) -> Iterator[tuple[str, np.ndarray]]:
    """VOI LUT, then window applied to the modality's output: a name and brightness in [0, 1] (C.11.2)."""
    if item := _first_lut(ds, "VOILUTSequence"):
        output, white = _apply_lut(item, values)
        yield "VOI LUT", np.clip(output / white, 0, 1)
    center, width = _number(ds, "WindowCenter", warnings), _number(ds, "WindowWidth", warnings)
    if center is None or width is None:
        return
    name = f"window (center {center:g}, width {width:g})"
    function = header_text(ds, "VOILUTFunction") or "LINEAR"
    if function == "LINEAR" and width >= 1:
        # C.11.2.1.2.1; a width of 1 is a threshold.
        center, width = center - 0.5, width - 1
        shown = np.clip((values - center) / width + 0.5, 0, 1) if width else np.heaviside(values - center, 0)
        yield name, shown
    elif function == "LINEAR_EXACT" and width > 0:
        yield name, np.clip((values - center) / width + 0.5, 0, 1)
    elif function == "SIGMOID" and width > 0:
        # Beyond +-700 the exponential overflows, and the sigmoid is 0 or 1 long before.
        yield name, 1 / (1 + np.exp(np.clip(-4 * (values - center) / width, -700, 700)))
    else:
        warnings.append(f"the header's window ({function[:16]}, width {width:g}) is not valid: ignored")


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


def _number(ds: Dataset, keyword: str, warnings: list[str]) -> float | None:
    """A decimal string's first value; None when absent, or (with a warning) no number of use."""
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
    warnings.append(f"{keyword} in the header is not a number: ignored")
    return None
