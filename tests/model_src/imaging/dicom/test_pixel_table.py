"""Allocated x stored bits x sign x encoding x window x padding x LUT x photometric: every cell has its right picture.

What is right is worked out here sample by sample with the formulas of PS3.3 C.11 and C.7, in plain numbers.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from pydicom import uid
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from model_src.imaging.formats import read_image
from tests.image_writers import smooth_film, write_dicom

SIDE = 16
DEPTHS = [(8, 8), (8, 6), (16, 8), (16, 10), (16, 12), (16, 14), (16, 16)]
NATIVE = [uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian]
COMPRESSED = [
    uid.DeflatedExplicitVRLittleEndian,
    uid.RLELossless,
    uid.JPEG2000Lossless,
    uid.JPEGLosslessSV1,
    uid.JPEGLSLossless,
]


@dataclass(frozen=True)
class Case:
    """One cell of the table for samples from `low` to `high`."""

    name: str
    low: int
    high: int
    window: str
    padding: str
    lut: str
    photometric: str


def cases(low: int, high: int) -> Iterator[Case]:
    """All cells for one depth and sign."""
    for window, padding, lut, photometric in itertools.product(
        ["none", "LINEAR", "LINEAR_EXACT", "SIGMOID", "too deep"],
        ["none", "right", "wrong sign"],
        ["none", "rescale", "modality", "voi"],
        ["MONOCHROME1", "MONOCHROME2"],
    ):
        if not (lut == "modality" and window == "too deep"):  # a LUT has a range of its own
            yield Case(f"{window}/{padding}/{lut}/{photometric}", low, high, window, padding, lut, photometric)


def films(low: int, high: int, signed: bool, allocated: int) -> np.ndarray:
    """A film that uses its whole range, but for the lowest value, which a corner of padding has."""
    film = low + 1 + np.rint(smooth_film(SIDE, 1 << 15) / (1 << 15) * (high - low - 1)).astype(np.int64)
    film[:3, :3] = low
    return film.astype(f"{'i' if signed else 'u'}{allocated // 8}")


def lut_item(entries: list[int], first: int, bits: int = 16) -> list[Dataset]:
    """A sequence of one LUT; first of a negative value is a signed element."""
    item = Dataset()
    item.add_new("LUTDescriptor", "SS" if first < 0 else "US", [len(entries), first, bits])
    item.add_new("LUTData", "US", entries)
    return [item]


def header_and_picture(case: Case) -> tuple[dict[str, Any], Callable[[int], float]]:
    """The header's elements, and the brightness of one sample."""
    low, high = case.low, case.high
    span = high - low
    header: dict[str, Any] = {"PhotometricInterpretation": case.photometric}
    slope, intercept = (0.5, -7.0) if case.lut == "rescale" else (1.0, 0.0)
    black, white = low * slope + intercept, high * slope + intercept

    def modality(sample: int) -> float:
        return sample * slope + intercept

    if case.lut == "rescale":
        header |= {"RescaleSlope": slope, "RescaleIntercept": intercept}
    if case.lut == "modality":
        header["ModalityLUTSequence"] = lut_item([0, 65535, 32768], low + span // 2)
        black, white = 0, 65535

        def modality(sample: int) -> float:
            return [0, 65535, 32768][min(max(sample - (low + span // 2), 0), 2)]

    interest: Callable[[float], float] = lambda value: (value - black) / (white - black)  # noqa: E731
    center, width = (black + white) / 2, (white - black) / 2
    if case.window == "too deep":
        header |= {"WindowCenter": 8 * (high + 1), "WindowWidth": 16 * (high + 1)}
    elif case.window != "none":
        header |= {"WindowCenter": center, "WindowWidth": width, "VOILUTFunction": case.window}
        interest = {
            "LINEAR": lambda value: (value - (center - 0.5)) / (width - 1) + 0.5,
            "LINEAR_EXACT": lambda value: (value - center) / width + 0.5,
            "SIGMOID": lambda value: 1 / (1 + math.exp(-4 * (value - center) / width)),
        }[case.window]
    if case.lut == "voi":
        middle = low + span // 3
        header["VOILUTSequence"] = lut_item([0, 13107, 65535], middle)

        def interest(value: float) -> float:
            return [0, 0.2, 1][min(max(round(value) - middle, 0), 2)]

    def brightness(sample: int) -> float:
        if case.padding != "none" and sample == low:
            return 0
        shown = min(max(interest(modality(sample)), 0), 1)
        return 1 - shown if case.photometric == "MONOCHROME1" else shown

    return header, brightness


def padding_elements(case: Case, signed: bool, allocated: int) -> list[DataElement] | None:
    """PixelPaddingValue; None where its wrong sign cannot be written."""
    if case.padding == "none":
        return []
    if case.padding == "right":
        return [DataElement("PixelPaddingValue", "SS" if signed else "US", case.low)]
    if not signed:  # 0 has no sign
        return None
    return [DataElement("PixelPaddingValue", "US", case.low + 65536)]


def check(
    case: Case, samples: np.ndarray, syntax: uid.UID, allocated: int, stored: int, shape: tuple[int, int] | None = None
) -> bool:
    """Read one cell; False where there is none."""
    signed = samples.dtype.kind == "i"
    elements = padding_elements(case, signed, allocated)
    if elements is None:
        return False
    header, brightness = header_and_picture(case)
    decoded = read_image(write_dicom(samples, syntax, elements=elements, BitsStored=stored, **header))
    right = np.array([[brightness(int(sample)) for sample in row] for row in samples])
    np.testing.assert_allclose(decoded.pixels, right, atol=2e-6, err_msg=case.name)
    spoken = " ".join(decoded.warnings)
    assert ("is made for other values" in spoken) == (case.window == "too deep" and case.lut != "voi"), case.name
    # In implicit VR the sign of the element is that of the samples: nothing is wrong there.
    wrong = case.padding == "wrong sign" and syntax != uid.ImplicitVRLittleEndian
    assert ("PixelPaddingValue" in spoken) == wrong, case.name
    return True


@pytest.mark.parametrize("syntax", NATIVE, ids=lambda syntax: syntax.name)
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(("allocated", "stored"), DEPTHS)
def test_every_cell(allocated: int, stored: int, signed: bool, syntax: uid.UID) -> None:
    low, high = (-(1 << stored - 1), (1 << stored - 1) - 1) if signed else (0, (1 << stored) - 1)
    samples = films(low, high, signed, allocated)
    checked = sum(check(case, samples, syntax, allocated, stored) for case in cases(low, high))
    assert checked == (114 if signed else 76)


@pytest.mark.parametrize("syntax", COMPRESSED, ids=lambda syntax: syntax.name)
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(("allocated", "stored"), [(8, 8), (16, 12), (16, 16)])
def test_compressed_cells(allocated: int, stored: int, signed: bool, syntax: uid.UID) -> None:
    low, high = (-(1 << stored - 1), (1 << stored - 1) - 1) if signed else (0, (1 << stored) - 1)
    samples = np.kron(films(low, high, signed, allocated), np.ones((4, 4), np.int8))
    chosen = [case for number, case in enumerate(cases(low, high)) if number % 23 == stored % 23]
    samples = samples.astype(f"{'i' if signed else 'u'}{allocated // 8}")
    assert sum(check(case, samples, syntax, allocated, stored) for case in chosen) >= 2
