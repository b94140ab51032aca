"""How stored words are read as sample values, and what contradicts the header's own account of them.

A film is continuous: neighbours are mostly alike. Where the header's reading of the words tears it apart and another
reading does not, the header is wrong, and the other reading is taken and said.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from pydicom.dataset import Dataset

from model_src.errors import InvalidImage
from model_src.imaging.dicom.parse import OVERLAY_BIT_POSITION, OVERLAY_BITS_ALLOCATED, OVERLAY_GROUPS
from model_src.imaging.dicom.pixels import Layout

_BLOCK = 1 << 20  # words counted at a time
_PAIRS = 1 << 18  # neighbours that are compared, about

# Up to this share of a film may be markers, text and borders brighter than the header allows.
_MARKED = 0.1
_OVERSHOOT = 1 / 16  # of the range: what lossy compression adds at edges
_FLAT = 8  # markers have this many values at most
_FEWEST = 64  # different values below which nothing is said about continuity
_SMALLEST = 32  # pixels on each side, likewise
_PART = 0.05  # of the pixels
_TORN = 4  # times rougher than another reading
_TEAR, _TEARS = 0.75, 0.002  # a step of this part of the range, such a share of steps


@dataclass(frozen=True)
class Samples:
    """The stored words of one image, as far as the gray-scale pipeline needs them."""

    counts: np.ndarray  # int64 (N,): how many pixels hold each word; N is 2**8 or 2**16
    values: np.ndarray  # float64 (N,): the sample value that each word stands for
    bits: int  # of a sample
    signed: bool
    padding: np.ndarray  # bool (N,): words that mark pixels outside the image

    @property
    def image(self) -> np.ndarray:
        """The words that occur inside the image, bool (N,); where all is padding, all words that occur."""
        used = self.counts > 0
        inside = used & ~self.padding
        return inside if inside.any() else used

    @property
    def possible(self) -> np.ndarray:
        """The words that are possible by the header, bool (N,): one for each sample value."""
        low, high = (-(1 << self.bits - 1), 1 << self.bits - 1) if self.signed else (0, 1 << self.bits)
        return (self.values >= low) & (self.values < high)


def read_words(ds: Dataset, words: np.ndarray, layout: Layout, warnings: list[str]) -> tuple[np.ndarray, Samples]:
    """The words (H, W), and how to read them. Only where their bytes prove to be swapped are they other words.

    Raises:
        InvalidImage: samples beyond BitsStored that no reading explains.
    """
    if _has_swapped_bytes(words, layout):
        warnings.append("the bytes of the samples stand in the other order than the transfer syntax says: swapped")
        words = words.byteswap()
    counts = _count(words)
    padding = _padding(ds, layout, counts, warnings)
    values = _masked(counts.size, layout)
    beyond = (counts > 0) & ~padding & (_bits_above(counts.size, ds, layout) != 0)
    bits = layout.bits_stored
    if beyond.any() and not _are_unused(counts, padding, ds, layout):
        values, layout = _explained(words, counts, values, beyond, layout, warnings)
        bits = layout.bits_stored
    else:
        values, layout = _with_right_sign(words, values, counts, layout, padding, warnings)
    return words, Samples(counts, values, bits, layout.signed, padding)


def _count(words: np.ndarray) -> np.ndarray:
    counts = np.zeros(1 << 8 * words.itemsize, np.int64)
    flat = words.ravel()
    for start in range(0, flat.size, _BLOCK):
        counts += np.bincount(flat[start : start + _BLOCK], minlength=counts.size)
    return counts


def _masked(count: int, layout: Layout) -> np.ndarray:
    """The value of every word by the header: its BitsStored bits up to HighBit (PS3.5 8.1.1), float64."""
    values = np.arange(count) >> layout.high_bit + 1 - layout.bits_stored & (1 << layout.bits_stored) - 1
    return _with_sign(values, layout.bits_stored if layout.signed else 0).astype(np.float64)


def _with_sign(values: np.ndarray, bits: int) -> np.ndarray:
    """Two's complement of so many bits; 0 for none."""
    return np.where(values >> bits - 1 & 1, values - (1 << bits), values) if bits else values


def _bits_above(count: int, ds: Dataset, layout: Layout) -> np.ndarray:
    """Every word's bits above the sample that are neither declared overlays nor the sample's repeated sign."""
    words = np.arange(count)
    top = layout.high_bit + 1
    above = words >> top
    for group in OVERLAY_GROUPS:
        position = ds.get((group, OVERLAY_BIT_POSITION))
        allocated = ds.get((group, OVERLAY_BITS_ALLOCATED))
        if position and allocated and allocated.value == 16 and isinstance(position.value, int):
            above &= ~(1 << position.value - top) if position.value >= top else -1
    if layout.signed:
        all_ones = count - 1 >> top
        above[(words >> layout.high_bit & 1 == 1) & (words >> top == all_ones)] = 0
    return above


def _are_unused(counts: np.ndarray, padding: np.ndarray, ds: Dataset, layout: Layout) -> bool:
    """True when the bits above the sample are the same in all words, and so no part of the picture.

    A codestream has no unused bits: one bright value there is a picture of that value.
    """
    used = (counts > 0) & ~padding
    same = np.unique(_bits_above(counts.size, ds, layout)[used]).size == 1
    return same and not (layout.codestream and np.count_nonzero(used) <= _FLAT)


def _explained(
    words: np.ndarray, counts: np.ndarray, masked: np.ndarray, beyond: np.ndarray, layout: Layout, warnings: list[str]
) -> tuple[np.ndarray, Layout]:
    """Values for samples of more than BitsStored bits: markers are white, otherwise the reading that is continuous."""
    number, share = int(counts[beyond].sum()), counts[beyond].sum() / counts.sum()
    bits = layout.bits_stored
    found = f"{number} samples are above the {bits} bits stored of the header"
    white = (1 << bits - 1) - 1 if layout.signed else (1 << bits) - 1
    whole = np.arange(counts.size)
    if layout.lossy and whole[beyond].max() <= white + (1 << bits) * _OVERSHOOT:
        return np.where(beyond, white, masked), layout
    flat = np.count_nonzero(beyond) <= _FLAT
    if not flat or share > _MARKED:
        used = whole[beyond]
        readings: list[tuple[np.ndarray, Layout, str]] = [(masked, layout, "the bits above are ignored")]
        if not layout.signed and used.min() >= counts.size - (1 << bits - 1):
            signed = replace(layout, signed=True)
            readings.append((_masked(counts.size, signed), signed, "read as negative values"))
        deeper = int(used.max()).bit_length()
        whole_layout = replace(layout, bits_stored=deeper, high_bit=deeper - 1)
        readings.append((_masked(counts.size, whole_layout), whole_layout, f"read as {deeper} bits"))
        for values, reading, what in readings:
            if _continues(words, values, beyond):
                warnings.append(f"{found}: {what}")
                return values, reading
    if share > _MARKED and not flat:
        raise InvalidImage(
            f"found samples up to {int(whole[beyond].max())} in {number} pixels, the DICOM header says {bits} bits "
            "stored; export the file again with the bits that it needs"
        )
    warnings.append(f"{found}: shown white")
    return np.where(beyond, white, masked), layout


def _continues(words: np.ndarray, values: np.ndarray, marked: np.ndarray) -> bool:
    """True when steps between marked pixels and others are as small as a film's own.

    A film crosses a given level rather by a large step than by a small one: the mean of such steps is that of all,
    each weighted by itself.
    """
    left, right = _neighbours(words)
    steps = np.abs(values[left] - values[right])
    mixed = steps[marked[left] != marked[right]]
    plain = steps[~marked[left] & ~marked[right]]
    if not mixed.size or not plain.size:
        return False
    usual = np.square(plain).sum() / max(plain.sum(), 1)
    return bool(mixed.mean() <= 2 * usual + 1)


def _with_right_sign(
    words: np.ndarray,
    values: np.ndarray,
    counts: np.ndarray,
    layout: Layout,
    padding: np.ndarray,
    warnings: list[str],
) -> tuple[np.ndarray, Layout]:
    """Values by the header's sign, or by the other where the header's tears the film and the other does not.

    Both halves of the range must hold a part of the picture: a marker of the highest value is no negative number.
    """
    top = np.arange(counts.size) >> layout.high_bit & 1 == 1
    halves = (top & ~padding, ~top & ~padding)
    few = any(np.count_nonzero(counts[half]) < _FEWEST or counts[half].sum() < _PART * counts.sum() for half in halves)
    if min(words.shape) < _SMALLEST or few:
        return values, layout
    other_layout = replace(layout, signed=not layout.signed)
    other = _masked(counts.size, other_layout)
    sign = "unsigned" if layout.signed else "signed"
    steps, other_steps = _steps(words, values, padding), _steps(words, other, padding)
    if steps.mean() > _TORN * max(other_steps.mean(), 1):
        warnings.append(f"PixelRepresentation in the header contradicts the samples: read as {sign}")
        return other, other_layout
    tears, other_tears = (float((each > _TEAR * (1 << layout.bits_stored)).mean()) for each in (steps, other_steps))
    if tears > max(_TORN * other_tears, _TEARS):
        warnings.append(f"the picture would hang together better with {sign} samples: check PixelRepresentation")
    return values, layout


def _has_swapped_bytes(words: np.ndarray, layout: Layout) -> bool:
    """True when uncompressed samples of two bytes are continuous with their bytes swapped, and torn as they are."""
    if words.itemsize == 1 or min(words.shape) < _SMALLEST:
        return False
    left, right = _neighbours(words)
    if np.count_nonzero(_count(left)) < _FEWEST:
        return False

    def relative(change: Callable[[np.ndarray], np.ndarray]) -> float:
        first, second = change(left).astype(np.int64), change(right).astype(np.int64)
        return float(np.abs(first - second).mean() / max(np.ptp(first), 1))

    return relative(lambda words: words) > _TORN * relative(lambda words: words.byteswap())


def _steps(words: np.ndarray, values: np.ndarray, padding: np.ndarray) -> np.ndarray:
    """The steps between neighbours inside the image; one of 0 where there are none."""
    left, right = _neighbours(words)
    inside = ~(padding[left] | padding[right])
    return np.abs(values[left] - values[right])[inside] if inside.any() else np.zeros(1)


def _neighbours(words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Words beside each other in some of the rows, two flat arrays."""
    rows = words[:: max(1, words.size // _PAIRS)]
    return rows[:, :-1].ravel(), rows[:, 1:].ravel()


def _padding(ds: Dataset, layout: Layout, counts: np.ndarray, warnings: list[str]) -> np.ndarray:
    """Which words mark pixels outside the image (PS3.3 C.7.5.1.1.2), bool (N,).

    PixelPaddingValue is compared with the sample and with the whole word; written with the wrong sign, it is taken
    for the word of the same bits.
    """
    none = np.zeros(counts.size, dtype=bool)
    value, limit = ds.get("PixelPaddingValue"), ds.get("PixelPaddingRangeLimit")
    if not isinstance(value, int):
        return none
    limit = limit if isinstance(limit, int) else value
    meant, meant_limit = (_in_domain(number, layout) for number in (value, limit))
    whole = _with_sign(np.arange(counts.size), layout.bits_allocated if layout.signed else 0)
    low, high = sorted((meant, meant_limit))
    padding = np.zeros_like(none)
    for values in (_masked(counts.size, layout), whole):
        padding |= (values >= low) & (values <= high)
    if meant != value and counts[padding].any():
        sign = "signed" if layout.signed else "unsigned"
        warnings.append(f"PixelPaddingValue {value} is taken for {meant}, as the samples are {sign}")
    return padding


def _in_domain(value: int, layout: Layout) -> int:
    """A padding value as the samples' sign has it, of the same bits; its element has 16 of them."""
    if not layout.signed:
        return value if value >= 0 else value & (1 << layout.bits_allocated) - 1
    for bits in (16, layout.bits_allocated, layout.bits_stored):
        if 1 << bits - 1 <= value < 1 << bits:
            return value - (1 << bits)
    return value
