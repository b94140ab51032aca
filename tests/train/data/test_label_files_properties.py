"""Any label file is read, or is a DataError that names it; and labels that were written are read again."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from model_src.classes import CLASS_FOLDERS, COVIDX_LABELS
from model_src.errors import DataError
from train.data.examples import SPLITS, Collection, Example
from train.data.sources import covidx, table

WORDS = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=10)
NO_LABELS = WORDS.filter(lambda word: word.lower() not in {label.lower() for label in COVIDX_LABELS})
PATHS = st.lists(NO_LABELS, min_size=1, max_size=3).map("  ".join)  # with runs of spaces inside
PATIENTS = NO_LABELS.filter(lambda word: not word.isalpha())  # `COVID 1 COVID(1).png` has a rule of its own
LABELS = st.sampled_from(sorted(COVIDX_LABELS))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "labels"


def everything(found: Collection) -> list[Example]:
    return [example for examples in found.splits.values() for example in examples]


def placed(file: Path, path: str) -> Path:
    """Where a path that a file names is expected: beside it, backslashes taken for slashes."""
    return file.parent / path.replace("\\", "/")


PIECES = WORDS | LABELS | st.sampled_from(["path,label", ",", '"', "\n", "\r", "\0", "positive"])


@given(
    content=st.binary(max_size=150)
    | st.lists(
        WORDS | LABELS | st.sampled_from(["path,label", ",", '"', "\n", "\r", "\0", "positive"]), max_size=20
    ).map(lambda words: " ".join(words).encode())
)
@example(content=b"x.png,Healthy," + b"a" * 200_000)  # more than csv takes
@pytest.mark.parametrize("read", [covidx.read, table.read])
def test_any_file_is_read_or_refused(
    file: Path, read: Callable[[Path, Sequence[Path]], Collection], content: bytes
) -> None:
    for head in (b"", b"path,label,patient,split,source\n"):
        file.write_bytes(head + content)
        try:
            found = read(file, [])
        except DataError:
            continue
        assert all(example.patient and 0 <= example.label < 3 for example in everything(found))


@given(rows=st.lists(st.tuples(PATIENTS, PATHS, LABELS, st.none() | NO_LABELS), max_size=5))
def test_covidx_lines_are_read_as_written(file: Path, rows: list[tuple[str, str, str, str | None]]) -> None:
    file.write_text("".join(" ".join(word for word in row if word) + "\n" for row in rows), encoding="utf-8")
    assert everything(covidx.read(file, [])) == [
        Example(placed(file, path), COVIDX_LABELS[label], patient, source or "")
        for patient, path, label, source in rows
    ]


@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {
                "label": LABELS | st.sampled_from(sorted(CLASS_FOLDERS)),
                "path": PATHS,
                "patient": WORDS,
                "split": st.sampled_from(["", "train", "validation", "test"]),
                "source": st.just("") | PATHS,
            }
        ),
        max_size=5,
    )
)
def test_csv_rows_are_read_as_written(file: Path, rows: list[dict[str, str]]) -> None:
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, ["label", "path", "patient", "split", "source"])
    writer.writeheader()
    writer.writerows(rows)
    file.write_text(stream.getvalue(), encoding="utf-8", newline="")
    classes = COVIDX_LABELS | CLASS_FOLDERS
    found = table.read(file, []).splits
    for split in SPLITS:
        assert found.get(split, []) == [
            Example(placed(file, row["path"]), classes[row["label"]], row["patient"], row["source"])
            for row in rows
            if (row["split"] or "train") == split
        ]
