"""Any label file is read, or is a DataError; and labels that were written are read again."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from model_src.classes import CLASS_FOLDERS, COVIDX_LABELS
from model_src.errors import DataError
from train.data.examples import Example
from train.data.sources import Source, covidx, table

WORDS = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=10)
LABELS = st.sampled_from(sorted(COVIDX_LABELS))
NAMES = st.from_regex(r"[a-z][a-z0-9]{0,7}", fullmatch=True).map("{}.png".format)
FOLDERS = st.lists(WORDS.filter(lambda word: "\\" not in word and word not in ("/", ".", "..")), max_size=2)
PATHS = st.builds(lambda folders, name: "/".join([*(word.strip("/") or "x" for word in folders), name]), FOLDERS, NAMES)
PIECES = WORDS | LABELS | st.sampled_from(["path,label", ",", '"', "\n", "\r", "\0", "positive", "../", "label"])
TEXTS = st.lists(PIECES, max_size=20).map(lambda words: " ".join(words).encode())


def examples(source: Source, file: Path) -> list[Example]:
    """Everything in a label file, split by split."""
    return [each for split in source.read(file, []).splits.values() for each in split]


@given(content=st.binary(max_size=150) | TEXTS)
@example(content=b"x.png,Healthy," + b"a" * 200_000)  # more than csv takes
@example(content=b"patient " + b"a" * 300 + b".png COVID-19")  # more than a file name takes
@example(content=b"patient x\0y.png COVID-19")
@pytest.mark.parametrize("source", [covidx, table])
def test_any_file_is_read_or_refused(tmp_path: Path, source: Source, content: bytes) -> None:
    file = tmp_path / "labels"
    for head in (b"", b"path,label,patient,split,source\n"):
        file.write_bytes(head + content)
        try:
            found = examples(source, file)
        except DataError:
            continue
        assert all(0 <= each.label < 3 for each in found)
        assert all(str(each.path) for each in found)


@given(rows=st.lists(st.tuples(WORDS, PATHS, LABELS, st.none() | NAMES), max_size=5))
def test_covidx_lines_are_read_as_written(tmp_path: Path, rows: list[tuple[str, str, str, str | None]]) -> None:
    file = tmp_path / "train_set.txt"
    file.write_text("".join(" ".join(word for word in row if word) + "\n" for row in rows), encoding="utf-8")
    found = [(each.patient, each.path, each.label, each.source or None) for each in examples(covidx, file)]
    assert found == [(patient, tmp_path / path, COVIDX_LABELS[label], source) for patient, path, label, source in rows]


@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {
                "label": LABELS | st.sampled_from(sorted(CLASS_FOLDERS)),
                "path": PATHS,
                "patient": WORDS,
                "split": st.sampled_from(["", "train", "validation", "test"]),
                "source": st.just("") | WORDS,
            }
        ),
        max_size=5,
    ),
    separator=st.sampled_from([",", ";", "\t"]),
)
def test_csv_rows_are_read_as_written(tmp_path: Path, rows: list[dict[str, str]], separator: str) -> None:
    file = tmp_path / "labels.csv"
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, ["label", "path", "patient", "split", "source"], delimiter=separator)
    writer.writeheader()
    writer.writerows(rows)
    file.write_text(stream.getvalue(), encoding="utf-8", newline="")
    classes = COVIDX_LABELS | CLASS_FOLDERS
    collection = table.read(file, [])
    for split in ("train", "validation", "test"):
        assert [(each.path, each.label, each.patient, each.source) for each in collection.splits.get(split, [])] == [
            (tmp_path / row["path"], classes[row["label"]], row["patient"], row["source"])
            for row in rows
            if (row["split"] or "train") == split
        ]
