"""Facts of a film in the words that films are grouped by."""

from __future__ import annotations

from pathlib import Path

import pytest

from train.data.examples import Example
from train.data.facts import AGE_BANDS, Facts, age_band, sex_of, view_of


@pytest.mark.parametrize(
    ("text", "view"),
    [
        ("PA", "PA"), ("pa", "PA"), ("AP Supine", "AP"), ("AP_ERECT", "AP"), ("L", "lateral"),
        ("left lateral", "lateral"), ("frontal", "frontal"), ("frontal?", "unknown"),
        ("PA?", "unknown"), ("?", "unknown"), ("", "unknown"),
        ("PA AP", "unknown"),
    ],
)  # fmt: skip
def test_views(text: str, view: str) -> None:
    assert view_of(text) == view


def test_sexes() -> None:
    assert [sex_of(text) for text in ("F", "female", " M", "Male", "w", "?", "", "O")] == [
        "female", "female", "male", "male", "female", "unknown", "unknown", "unknown",
    ]  # fmt: skip


def test_age_bands_begin_where_the_one_before_ends() -> None:
    ages = (0, 17.9, 18, 39, 40, 59.9, 60, 79, 80, 120, None)
    bands = [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5]
    assert [age_band(age) for age in ages] == [AGE_BANDS[band] for band in bands]


def test_an_example_has_them() -> None:
    assert Example(Path("x.png"), 0, "p", "rsna", 58, "PA", "F").facts == Facts("rsna", "PA", "female", "40 to 59")
    assert Example(Path("x.png"), 0, "p", "").facts == Facts()
