"""Decoding many files: in order, a few at a time, each failure in its place."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from PIL import Image

from train.data.decode import DecodedFile, UnreadableFile, decode_files
from train.progress import track


def gray(path: Path, value: int) -> Path:
    Image.new("L", (40, 30), value).save(path)
    return path


def test_results_come_in_order_with_what_identifies_the_file(tmp_path: Path) -> None:
    paths = [gray(tmp_path / f"{value}.png", value) for value in (0, 51, 255)]
    results = list(decode_files(paths, 8, workers=3))
    for path, level, result in zip(paths, (0, 13107, 65535), results, strict=True):
        assert isinstance(result, DecodedFile)
        assert (result.path, result.width, result.height) == (path, 40, 30)
        assert result.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        assert (result.size, result.mtime_ns) == (path.stat().st_size, path.stat().st_mtime_ns)
        assert result.pixels.dtype == np.uint16
        assert (result.pixels == level).all()  # 51/255 is 13107/65535


def test_a_failure_stands_where_its_file_stood(tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"")
    first, missing, third = decode_files([gray(tmp_path / "a.png", 9), tmp_path / "none.png", broken], 8, workers=2)
    assert isinstance(first, DecodedFile)
    assert missing == UnreadableFile(tmp_path / "none.png", "No such file or directory")
    assert isinstance(third, UnreadableFile)
    assert third.path == broken


def test_files_are_read_only_a_few_ahead(tmp_path: Path) -> None:
    path = gray(tmp_path / "a.png", 9)
    asked = 0

    def endless() -> Iterator[Path]:
        nonlocal asked
        while True:
            asked += 1
            yield path

    results = decode_files(endless(), 8, workers=2)
    for _ in range(5):
        next(results)
    cast(Generator[object], results).close()
    assert asked <= 5 + 4 * 2


def test_progress_passes_items_on_and_says_how_many(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(track(iter("abc"), 3, "Letters", unit="letters")) == ["a", "b", "c"]
    assert "Letters" in (said := capsys.readouterr().err)
    assert "3/3" in said
