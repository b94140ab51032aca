"""The decoded image cache: exact contents, and what is left after kills, full disks and broken files."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from model_src.errors import DataError
from model_src.imaging.xray import read_xray
from train.data import image_cache, pixel_store
from train.data.examples import Example
from train.data.image_cache import open_cache

SIZE = 16
ROW = 2 * SIZE * SIZE  # bytes


def files_of(cache_dir: Path) -> tuple[Path, Path]:
    (folder,) = cache_dir.iterdir()
    return folder / "pixels.u16", folder / "index.jsonl"


def test_the_tensor_is_that_of_read_xray_to_half_a_level(examples: list[Example], tmp_path: Path) -> None:
    cache = open_cache(examples, SIZE, tmp_path / "cache")
    order = [3, 0, 3, 5]
    expected = torch.stack([read_xray(examples[i].path.read_bytes(), SIZE).tensor for i in order])
    got = cache.tensor(order)
    assert got.shape == (4, 1, SIZE, SIZE)
    assert got.dtype == torch.float32
    torch.testing.assert_close(got, expected, rtol=0, atol=0.5 / 65535 + 1e-7)
    assert torch.equal(cache.tensor(torch.tensor(order)), got)
    assert cache.pixels(np.array(order)).dtype == np.uint16
    assert (len(cache), cache.image_size, cache.examples, cache.skipped) == (6, SIZE, examples, [])


def test_black_and_white_are_exact(tmp_path: Path) -> None:
    halves = np.repeat(np.array([[0, 255]], np.uint8), 8, axis=1)  # (1, 16): black, then white
    Image.fromarray(np.repeat(halves, 16, axis=0)).save(tmp_path / "x.png")
    cache = open_cache([Example(tmp_path / "x.png", 0, "p", "")], SIZE, tmp_path / "cache")
    assert cache.tensor([0])[0, 0, 5].tolist() == [0.0] * 8 + [1.0] * 8


def test_a_second_opening_decodes_nothing_and_a_new_image_is_all_that_is_added(
    examples: list[Example], tmp_path: Path, decoded: list[Path]
) -> None:
    first = open_cache(examples[:5], SIZE, tmp_path / "cache")
    before = first.tensor(range(5))
    assert len(decoded) == 5
    again = open_cache(examples[:5], SIZE, tmp_path / "cache")
    assert len(decoded) == 5
    assert torch.equal(again.tensor(range(5)), before)
    wider = open_cache(examples[::-1], SIZE, tmp_path / "cache")
    assert decoded[5:] == [examples[5].path]
    assert torch.equal(wider.tensor([5, 4, 3, 2, 1]), before)


def test_repeats_and_copies_take_one_row(examples: list[Example], tmp_path: Path) -> None:
    copy = Path(shutil.copy(examples[0].path, tmp_path / "images" / "copy.png"))
    cache = open_cache([*examples, examples[1], Example(copy, 0, "copy", "")], SIZE, tmp_path / "cache")
    assert len(cache) == 8
    assert len(cache.store) == 6
    assert torch.equal(cache.tensor([6, 7]), cache.tensor([1, 0]))


def test_a_changed_image_is_decoded_again(examples: list[Example], tmp_path: Path) -> None:
    open_cache(examples, SIZE, tmp_path / "cache")
    Image.new("L", (40, 40), 255).save(examples[2].path)
    cache = open_cache(examples, SIZE, tmp_path / "cache")
    assert cache.tensor([2]).min() == 1.0


def test_sizes_and_preprocessing_versions_have_caches_of_their_own(
    examples: list[Example], tmp_path: Path, decoded: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    cache_dir = tmp_path / "cache"
    open_cache(examples, SIZE, cache_dir)
    assert open_cache(examples, 24, cache_dir).tensor([0]).shape == (1, 1, 24, 24)
    monkeypatch.setattr(image_cache, "PREPROCESSING_VERSION", "another")
    open_cache(examples, SIZE, cache_dir)
    assert len(decoded) == 18
    assert len(list(cache_dir.iterdir())) == 3


def test_an_interrupted_build_goes_on_where_it_was(
    examples: list[Example], tmp_path: Path, decoded: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_cache, "_BATCH", 2)
    expected = open_cache(examples, SIZE, tmp_path / "whole").tensor(range(6))
    decoded.clear()

    def interrupt(paths: list[Path], size: int, workers: int | None) -> object:
        for number, item in enumerate(real(paths, size, workers)):
            if number == 3:
                raise KeyboardInterrupt
            yield item

    real = image_cache.decode_files
    with monkeypatch.context() as patch:
        patch.setattr(image_cache, "decode_files", interrupt)
        with pytest.raises(KeyboardInterrupt):
            open_cache(examples, SIZE, tmp_path / "cache", workers=1)
    decoded.clear()
    cache = open_cache(examples, SIZE, tmp_path / "cache")
    assert decoded == [example.path for example in examples[2:]]
    assert torch.equal(cache.tensor(range(6)), expected)


@pytest.mark.parametrize("cut", [1, 40, 200])
def test_whatever_a_kill_leaves_behind_the_last_whole_image_is_overwritten(
    examples: list[Example], tmp_path: Path, cut: int
) -> None:
    expected = open_cache(examples, SIZE, tmp_path / "cache").tensor(range(6))
    pixels, index = files_of(tmp_path / "cache")
    os.truncate(index, index.stat().st_size - cut)  # the last line, or lines, cut short
    os.truncate(pixels, pixels.stat().st_size - 7)  # and the last row
    cache = open_cache(examples, SIZE, tmp_path / "cache")
    assert torch.equal(cache.tensor(range(6)), expected)
    assert pixels.stat().st_size == 6 * ROW
    assert len(index.read_text().splitlines()) == 7  # header and six files


def test_rows_without_index_lines_and_lines_without_rows_do_not_count(examples: list[Example], tmp_path: Path) -> None:
    expected = open_cache(examples, SIZE, tmp_path / "cache").tensor(range(6))
    pixels, _ = files_of(tmp_path / "cache")
    with pixels.open("ab") as stream:
        stream.write(b"torn row")
    assert torch.equal(open_cache(examples, SIZE, tmp_path / "cache").tensor(range(6)), expected)
    os.truncate(pixels, 0)  # the pixel file was lost
    assert torch.equal(open_cache(examples, SIZE, tmp_path / "cache").tensor(range(6)), expected)


def test_no_room_is_told_before_anything_is_decoded(
    examples: list[Example], tmp_path: Path, decoded: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(pixel_store.shutil, "disk_usage", lambda folder: usage)
    needed = 6 * (ROW + 512)
    with pytest.raises(DataError, match=rf"6 more images need {needed:,} bytes, the disk has 1,000 free"):
        open_cache(examples, SIZE, tmp_path / "cache")
    assert decoded == []


@pytest.mark.parametrize("full_at", ["pixels.u16", "index.jsonl"])
def test_a_disk_that_fills_up_leaves_whole_images_only(
    examples: list[Example], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full_at: str
) -> None:
    monkeypatch.setattr(image_cache, "_BATCH", 2)
    writes = 0

    def write_half_then_fail(descriptor: int, data: bytes, offset: int) -> int:
        nonlocal writes
        if Path(f"/proc/self/fd/{descriptor}").readlink().name == full_at:
            writes += 1
            if writes == 2:
                return real(descriptor, bytes(data)[: len(data) // 2], offset)
            if writes == 3:
                raise OSError(errno.ENOSPC, "No space left on device")
        return real(descriptor, data, offset)

    real = os.pwrite
    with monkeypatch.context() as patch:
        patch.setattr(pixel_store.os, "pwrite", write_half_then_fail)
        with pytest.raises(DataError, match=r"4 more images need .* bytes, the disk has .* free"):
            open_cache(examples, SIZE, tmp_path / "cache")
    pixels, index = files_of(tmp_path / "cache")
    assert len(index.read_text().splitlines()) == 3  # header and the two images stored before
    assert index.read_text().endswith("\n")
    assert pixels.stat().st_size % ROW == 0
    assert len(open_cache(examples, SIZE, tmp_path / "cache")) == 6


def test_unreadable_images_are_named_and_counted_or_skipped(examples: list[Example], tmp_path: Path) -> None:
    examples[1].path.write_bytes(b"no image")
    examples[3].path.unlink()
    with pytest.raises(DataError, match=r"2 of 6 images cannot be read: .*1\.png \(.*3\.png \(No such file.*--skip-"):
        open_cache(examples, SIZE, tmp_path / "cache")
    cache = open_cache(examples, SIZE, tmp_path / "cache", skip_unreadable=True)
    assert [example.patient for example in cache.examples] == ["0", "2", "4", "5"]
    assert [path.name for path, _ in cache.skipped] == ["1.png", "3.png"]
    assert len(cache.tensor(range(4))) == 4


def test_a_class_of_which_nothing_can_be_read_is_refused_even_when_skipping(
    examples: list[Example], tmp_path: Path
) -> None:
    for example in examples:
        if example.label == 2:
            example.path.write_bytes(b"")
    with pytest.raises(DataError, match=r"COVID-19: none of its images can be read: .*2\.png"):
        open_cache(examples, SIZE, tmp_path / "cache", skip_unreadable=True)


def test_no_examples(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="at least one example"):
        open_cache([], SIZE, tmp_path / "cache")


def damage_header(index: Path) -> None:
    lines = index.read_text().splitlines(keepends=True)
    header = json.loads(lines[0]) | {"format": 0}
    index.write_text(json.dumps(header) + "\n" + "".join(lines[1:]))


def damage_line(index: Path) -> None:
    lines = index.read_text().splitlines(keepends=True)
    index.write_text("".join([*lines[:2], "garbage\n", *lines[3:]]))


def damage_type(index: Path) -> None:
    lines = index.read_text().splitlines(keepends=True)
    index.write_text("".join([*lines[:2], "5\n", *lines[3:]]))


@pytest.mark.parametrize("damage", [damage_header, damage_line, damage_type])
def test_a_foreign_or_damaged_cache_is_refused(
    examples: list[Example], tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    open_cache(examples, SIZE, tmp_path / "cache")
    damage(files_of(tmp_path / "cache")[1])
    with pytest.raises(DataError, match=r"is damaged or not an image cache of this version .* delete the folder"):
        open_cache(examples, SIZE, tmp_path / "cache")


def test_a_folder_that_cannot_be_written(examples: list[Example], tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(DataError, match="cannot write the image cache"):
        open_cache(examples, SIZE, tmp_path / "cache")
