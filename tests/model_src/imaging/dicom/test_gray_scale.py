"""The grayscale pipeline, against numbers worked out by hand and against pydicom's own functions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels import apply_modality_lut, apply_voi_lut

from model_src.imaging.dicom.gray_scale import brightness_table
from model_src.imaging.dicom.pixels import Layout
from model_src.imaging.dicom.reading import read_words


def dataset(bits: int = 12, signed: bool = False, **header: Any) -> Dataset:
    ds = Dataset()
    ds.set_original_encoding(False, True)
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.BitsStored = bits
    ds.PixelRepresentation = int(signed)
    for keyword, value in header.items():
        setattr(ds, keyword, value)
    return ds


def lut(entries: list[int], first: int = 0, bits: int = 16, packed: bytes | None = None) -> list[Dataset]:
    item = Dataset()
    item.set_original_encoding(False, True)
    item.add_new("LUTDescriptor", "SS", [len(entries), first, bits])
    if packed is None:
        item.add_new("LUTData", "US", entries)
    else:
        item.add_new("LUTData", "OW", packed)
    return [item]


def table(ds: Dataset, used: np.ndarray | None = None) -> tuple[np.ndarray, list[str]]:
    """The brightness of every pattern when all (or the `used` ones) occur, and the warnings."""
    warnings: list[str] = []
    count = 1 << ds.BitsStored
    patterns = np.arange(count) if used is None else used
    words = np.asarray(patterns, np.uint16 if ds.BitsStored > 8 else np.uint8)[None]
    layout = Layout(
        1, words.size, 8 * words.itemsize, ds.BitsStored, ds.BitsStored - 1, signed=bool(ds.PixelRepresentation)
    )
    words, samples = read_words(ds, words, layout, warnings)
    result = brightness_table(ds, samples, warnings)[:count]
    assert result.dtype == np.float32
    assert result.min() >= 0
    assert result.max() <= 1
    return result, warnings


def test_without_window_the_declared_depth_is_the_range() -> None:
    result, said = table(dataset(12))
    np.testing.assert_allclose(result, np.arange(4096) / 4095, rtol=1e-6)
    assert said == []


def test_monochrome1_is_turned_over() -> None:
    result, _ = table(dataset(12, PhotometricInterpretation="MONOCHROME1"))
    np.testing.assert_allclose(result, 1 - np.arange(4096) / 4095, atol=1e-6)


def test_fewer_bits_than_declared_are_stretched_and_said() -> None:
    result, said = table(dataset(16), used=np.array([0, 3000]))
    assert result[3000] == pytest.approx(3000 / 4095)
    assert said == ["the header declares 16 bits, the pixels need fewer: 4095 is taken as white"]


@pytest.mark.parametrize(
    ("used", "black", "white"),
    [
        ([-2048, 2047], -2048, 2047),
        ([-3, 2047], -2048, 2047),
        ([-2048, 3], -2048, 2047),
        ([-2, 300], -512, 511),  # ten bits hold both
        ([0, 2047], 0, 2047),  # no negative value: unsigned of one bit less
        ([0, 200], 0, 255),
    ],
)
def test_signed_samples(used: list[int], black: int, white: int) -> None:
    patterns = np.array(used) & 0xFFF
    result, said = table(dataset(12, signed=True), patterns)
    expected = (np.array(used) - black) / (white - black)
    np.testing.assert_allclose(result[patterns], expected, atol=1e-6)
    assert bool(said) == (white < 2047)


@pytest.mark.parametrize(
    ("header", "expected"),  # of the stored values 0, 100, 200, 300, 4095
    [
        # PS3.3 C.11.2.1.2.1: ((x - (c - 0.5)) / (w - 1) + 0.5), black up to c - 0.5 - (w - 1) / 2
        ({"WindowCenter": 200, "WindowWidth": 201}, [0, 0.0025, 0.5025, 1, 1]),
        ({"WindowCenter": 200, "WindowWidth": 200, "VOILUTFunction": "LINEAR_EXACT"}, [0, 0, 0.5, 1, 1]),
        ({"WindowCenter": 200, "WindowWidth": 1}, [0, 0, 1, 1, 1]),
        (
            {"WindowCenter": 200, "WindowWidth": 400, "VOILUTFunction": "SIGMOID"},
            [0.1192, 0.2689, 0.5, 0.7311, 1],
        ),
        # The first of several windows.
        ({"WindowCenter": [100, 9], "WindowWidth": [201, 9]}, [0.0025, 0.5025, 1, 1, 1]),
        # A window is in units of the modality's output.
        (
            {"WindowCenter": 10, "WindowWidth": 21, "RescaleSlope": 0.1, "RescaleIntercept": 0},
            [0.025, 0.525, 1, 1, 1],
        ),
        ({"RescaleSlope": 2, "RescaleIntercept": -50}, [0, 0.02442, 0.04884, 0.07326, 1]),
        ({"RescaleSlope": -1, "RescaleIntercept": 4095}, [1, 0.97558, 0.95116, 0.92674, 0]),
        ({"VOILUTSequence": lut([0, 255, 65535], first=99)}, [0, 0.00389, 1, 1, 1]),
        ({"VOILUTSequence": lut([0, 2048, 4095], first=99, bits=12)}, [0, 0.50012, 1, 1, 1]),
        ({"VOILUTSequence": lut([0, 128, 255], 99, 8, packed=b"\x00\x80\xff\x00")}, [0, 0.50196, 1, 1, 1]),
        ({"VOILUTSequence": lut([0, 128, 255], 99, 8, packed=b"\x00\0\x80\0\xff\0")}, [0, 0.50196, 1, 1, 1]),
        # A VOI LUT goes before a window.
        ({"VOILUTSequence": lut([0, 65535], 99), "WindowCenter": 1, "WindowWidth": 2}, [0, 1, 1, 1, 1]),
        ({"ModalityLUTSequence": lut([65535, 0], first=100)}, [1, 1, 0, 0, 0]),
        (
            {"ModalityLUTSequence": lut([0, 50], 199), "WindowCenter": 50, "WindowWidth": 101},
            [0.005, 0.005, 0.505, 0.505, 0.505],
        ),
    ],
)
def test_values_worked_out_by_hand(header: dict[str, Any], expected: list[float]) -> None:
    stored = np.array([0, 100, 200, 300, 4095])
    result, _ = table(dataset(12, **header), used=stored)
    np.testing.assert_allclose(result[stored], expected, atol=1e-4)
    inverted, _ = table(dataset(12, PhotometricInterpretation="MONOCHROME1", **header), used=stored)
    np.testing.assert_allclose(inverted[stored], 1 - np.array(expected), atol=1e-4)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("limit", [{}, {"PixelPaddingRangeLimit": 4000}])
def test_padding_is_black_and_does_not_count(photometric: str, limit: dict[str, Any]) -> None:
    ds = dataset(12, PhotometricInterpretation=photometric, PixelPaddingValue=4095, **limit)
    result, _ = table(ds, used=np.array([0, 102, 1023, 4095]))
    expected = np.array([0, 102, 1023]) / 1023  # ten bits hold what is not padding
    np.testing.assert_allclose(
        result[[0, 102, 1023]], expected if photometric == "MONOCHROME2" else 1 - expected, atol=1e-6
    )
    assert result[4095] == 0
    assert (result[4000] == 0) == (bool(limit) or photometric == "MONOCHROME1")


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("rescale", [{}, {"RescaleSlope": 0.5, "RescaleIntercept": -100}])
@pytest.mark.parametrize(
    "interest",
    [
        {"WindowCenter": 300, "WindowWidth": 700},
        {"WindowCenter": 300, "WindowWidth": 700, "VOILUTFunction": "LINEAR_EXACT"},
        {"WindowCenter": 300, "WindowWidth": 700, "VOILUTFunction": "SIGMOID"},
        {"WindowCenter": 20.5, "WindowWidth": 33.25},
    ],
)
def test_windows_agree_with_pydicom(signed: bool, rescale: dict[str, float], interest: dict[str, Any]) -> None:
    ds = dataset(10, signed, **rescale, **interest)
    ours, _ = table(ds)
    values = np.arange(1024) - (np.arange(1024) >= 512) * 1024 * signed
    theirs = apply_voi_lut(apply_modality_lut(values, ds), ds)
    ends = np.array([-512, 511] if signed else [0, 1023]) * rescale.get("RescaleSlope", 1)
    black, white = ends + rescale.get("RescaleIntercept", 0)
    np.testing.assert_allclose(ours, (theirs - black) / (white - black), atol=1e-6)


@pytest.mark.parametrize("first", [-30, 0, 100])
@pytest.mark.parametrize("keyword", ["ModalityLUTSequence", "VOILUTSequence"])
def test_lookup_tables_agree_with_pydicom(keyword: str, first: int) -> None:
    entries = [int(value) for value in np.random.default_rng(1).integers(0, 65536, 300)]
    ds = dataset(10, signed=True, **{keyword: lut([*entries, 65535], first)})
    ours, _ = table(ds)
    values = np.arange(1024) - (np.arange(1024) >= 512) * 1024
    theirs = apply_voi_lut(apply_modality_lut(values, ds), ds)
    np.testing.assert_allclose(ours, theirs / 65535, atol=1e-6)


@pytest.mark.parametrize(
    ("header", "word"),
    [
        ({"WindowCenter": 100, "WindowWidth": 0}, "not valid"),
        ({"WindowCenter": 100, "WindowWidth": -5, "VOILUTFunction": "SIGMOID"}, "not valid"),
        ({"WindowCenter": 100, "WindowWidth": 5, "VOILUTFunction": "MAGIC"}, "MAGIC"),
        ({"WindowCenter": 9000, "WindowWidth": 10}, "all pixels alike"),  # beyond every sample
        ({"RescaleSlope": 0, "RescaleIntercept": 5}, "RescaleSlope 0 and RescaleIntercept 5 leave no range"),
        ({"RescaleSlope": 1e-9, "RescaleIntercept": 1e12}, "leave no range"),  # lost in rounding
    ],
)
def test_a_useless_header_is_passed_over_and_said(header: dict[str, Any], word: str) -> None:
    result, said = table(dataset(12, **header))
    np.testing.assert_allclose(result, np.arange(4096) / 4095, rtol=1e-6)
    assert len(said) == 1
    assert word in said[0]


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("used", [[0], [1], [0, 1]])
def test_one_bit(signed: bool, used: list[int]) -> None:
    result, _ = table(dataset(1, signed), np.array(used))
    assert np.isfinite(result).all()


def test_an_image_of_padding_alone_is_shown() -> None:
    result, _ = table(dataset(8, PixelPaddingValue=200), used=np.array([200]))
    assert result[200] == pytest.approx(200 / 255)
