"""The boundary to decoders: sizes, errors and silence."""

from __future__ import annotations

import struct
import threading
import warnings

import pytest

from model_src.errors import ImageTooLarge, InvalidImage, UnsupportedImage
from model_src.imaging.decoding import check_pixel_count, decoding, full_scale, one_line


@pytest.mark.parametrize(
    ("highest", "declared", "white"),
    [
        (0, 16, 255),
        (255, 16, 255),
        (256, 16, 1023),
        (4095, 16, 4095),
        (4096, 16, 16383),
        (65535, 16, 65535),
        (900, 12, 1023),
        (2000, 12, 4095),
        (20_000, 15, 32767),  # never more than the header declares
        (5, 6, 63),
        (99_999, 16, 65535),
    ],
)
def test_full_scale(highest: int, declared: int, white: int) -> None:
    assert full_scale(highest, declared) == white


def test_sizes() -> None:
    check_pixel_count(8000, 8000)
    with pytest.raises(ImageTooLarge, match="need at most 64,000,000"):
        check_pixel_count(64_000_001, 1)
    with pytest.raises(InvalidImage, match="5 x 0"):
        check_pixel_count(5, 0)


@pytest.mark.parametrize(
    "error", [struct.error("s"), SyntaxError("s"), KeyError("s"), OverflowError("s"), RecursionError("s")]
)
def test_whatever_a_decoder_raises_is_a_damaged_file(error: Exception) -> None:
    with (
        pytest.raises(InvalidImage, match=r"the PNG file is damaged \('?s'?\); export it again") as raised,
        decoding("PNG"),
    ):
        raise error
    assert raised.value.__cause__ is error


def test_errors_that_are_answered_otherwise() -> None:
    with pytest.raises(ImageTooLarge, match="does not fit into memory"), decoding("TIFF"):
        raise MemoryError
    with pytest.raises(UnsupportedImage, match="as it was"), decoding("TIFF"):
        raise UnsupportedImage("as it was")
    with pytest.raises(InvalidImage, match="AssertionError"), decoding("TIFF"):
        raise AssertionError
    with pytest.raises(KeyboardInterrupt), decoding("TIFF"):
        raise KeyboardInterrupt


def test_foreign_text_is_one_printable_line() -> None:
    assert one_line("a\n\tb\x00\x1b[31m  c") == "a b [31m c"
    assert one_line("x" * 500, 10) == "x" * 10


def warn_as(module: str) -> None:
    warnings.warn_explicit("about metadata", UserWarning, "file.py", 1, module=module)


def test_decoders_are_silent_and_others_are_not() -> None:
    with decoding("PNG"):
        warn_as("PIL.TiffImagePlugin")
        warn_as("pydicom.valuerep")
    with pytest.warns(UserWarning, match="about metadata"):
        warn_as("PIL.TiffImagePlugin")
    with pytest.warns(UserWarning, match="about metadata"), decoding("PNG"):
        warn_as("PILLOWCASE")


def test_overlapping_threads_restore_the_filters() -> None:
    before = list(warnings.filters)
    first_in, second_in, first_out = threading.Event(), threading.Event(), threading.Event()
    inside: list[bool] = []

    def first() -> None:
        with decoding("PNG"):
            first_in.set()
            second_in.wait(10)
        first_out.set()

    def second() -> None:
        first_in.wait(10)
        with decoding("PNG"):
            second_in.set()
            first_out.wait(10)
            inside.append(warnings.filters != before)

    threads = [threading.Thread(target=target) for target in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert inside == [True]  # still silent after the other has left
    assert list(warnings.filters) == before
