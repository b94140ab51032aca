"""Films outside the classes fall into one of two halves, by their path alone."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks import outside_lists as command
from benchmarks.outside_lists import HALVES, half_of, outside_lists

ROWS = [
    {"path": f"other/tb/{number}.jpg", "class": "other:TB", "source": "tuberculosis"} for number in range(50)
] + [
    {"path": "normal/a.jpg", "class": "normal", "source": "child-normal"},
    {"path": "normal/b.jpg", "class": "normal", "source": "rsna"},
]  # fmt: skip


OTHER = [("00001280", "normal"), ("a", "pneumonia"), ("b", "COVID-19")]  # patients of another collection's test


def test_every_film_outside_is_in_one_half_and_no_other_film_is() -> None:
    halves = [outside_lists(ROWS, half) for half in HALVES]
    listed = [path for half in halves for paths in half.values() for path in paths]
    assert sorted(listed) == sorted(row["path"] for row in ROWS if row["source"] != "rsna")
    assert all(10 < len(half["tuberculosis"]) < 40 for half in halves)


def test_a_half_follows_from_the_path() -> None:
    # SHA-256 of "a" ends in ...bb, of "b" in ...9d: both odd; that of "d" in ...e4, even.
    assert [half_of(name) for name in "abd"] == ["development", "development", "final"]


def test_films_of_a_patient_are_in_one_half_that_of_development_if_one_is() -> None:
    rows = [
        {"path": path, "class": "other:TB", "source": "tb", "patient": patient} for path, patient in ("aX", "dX", "dY")
    ]
    assert outside_lists(rows, "development") == {"tb": ["a", "d"]}
    assert outside_lists(rows, "final") == {"tb": ["d"]}


def test_films_of_patients_in_another_test_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other, films = tmp_path / "other", tmp_path / "films"
    for folder in (other, films):
        folder.mkdir()
    lines = [f"{patient} {label}.png {label}" for patient, label in OTHER]
    for _, label in OTHER:
        (other / f"{label}.png").touch()
    (other / "test.txt").write_text("\n".join(lines))
    (films / "metadata.csv").write_text("path,class,source,patient\nc,other:F,f,nih:1280\nd,other:F,f,nih:1281\n")
    monkeypatch.setattr(
        sys, "argv", ["outside_lists", str(films), str(tmp_path / "out"), "--half", "final", "--without", str(other)]
    )
    command.main()
    assert (tmp_path / "out/f.txt").read_text() == "d\n"


def test_lists_are_written_by_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["path,class,source", *(f"{row['path']},{row['class']},{row['source']}" for row in ROWS)]
    (tmp_path / "metadata.csv").write_text("\n".join(lines))
    monkeypatch.setattr(sys, "argv", ["outside_lists", str(tmp_path), str(tmp_path / "out"), "--half", "final"])
    command.main()
    written = {file.stem: file.read_text().split() for file in (tmp_path / "out").iterdir()}
    assert written == outside_lists(ROWS, "final")


@pytest.mark.parametrize(
    ("metadata", "said"), [(None, "No such file"), ("path,label\n", "must name the columns path and class and source")]
)
def test_bad_input_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, metadata: str | None, said: str
) -> None:
    if metadata is not None:
        (tmp_path / "metadata.csv").write_text(metadata)
    monkeypatch.setattr(sys, "argv", ["outside_lists", str(tmp_path), str(tmp_path / "out")])
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert said in str(ended.value)
    assert "\n" not in str(ended.value)
    assert not (tmp_path / "out").exists()
