"""The image cache with other processes: killed while they fill it, filling it too, waited for."""

from __future__ import annotations

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from train.data import pixel_store
from train.data.examples import Example
from train.data.image_cache import open_cache

SIZE = 16
ROW = 2 * SIZE * SIZE  # bytes


def files_of(cache_dir: Path) -> tuple[Path, Path]:
    (folder,) = cache_dir.iterdir()
    return folder / "pixels.u16", folder / "index.jsonl"


# Opens the cache of the images in argv[1] under argv[2], and is killed once three of them have been stored.
BUILD = """
import os, signal, sys
from pathlib import Path
from train.data import image_cache
from train.data.examples import Example

def until_killed(paths, size, workers):
    for number, item in enumerate(decode_files(paths, size, workers)):
        if number == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        yield item

decode_files, image_cache.decode_files = image_cache.decode_files, until_killed
image_cache._BATCH = 1
examples = [Example(path, 0, path.stem, "") for path in sorted(Path(sys.argv[1]).iterdir())]
image_cache.open_cache(examples, int(sys.argv[3]), sys.argv[2])
"""


def test_a_killed_process_loses_nothing_that_was_stored(
    examples: list[Example], tmp_path: Path, decoded: list[Path]
) -> None:
    folders = str(examples[0].path.parent), str(tmp_path / "cache")
    killed = subprocess.run(
        [sys.executable, "-c", BUILD, *folders, str(SIZE)], cwd=Path(__file__).parents[3], stderr=subprocess.DEVNULL
    )
    assert killed.returncode == -signal.SIGKILL
    cache = open_cache(examples, SIZE, tmp_path / "cache")
    assert decoded == [example.path for example in examples[3:]]
    expected = open_cache(examples, SIZE, tmp_path / "another")
    assert torch.equal(cache.tensor(range(6)), expected.tensor(range(6)))


def test_two_builders_fill_one_cache_without_harm(examples: list[Example], tmp_path: Path) -> None:
    # Threads stand in for processes: each has a store and a lock of its own, as processes do.
    with ThreadPoolExecutor(2) as pool:
        caches = list(pool.map(lambda _: open_cache(examples, SIZE, tmp_path / "cache"), range(2)))
    pixels, index = files_of(tmp_path / "cache")
    assert pixels.stat().st_size == 6 * ROW
    assert len(index.read_text().splitlines()) == 7
    expected = open_cache(examples, SIZE, tmp_path / "another").tensor(range(6))
    assert all(torch.equal(cache.tensor(range(6)), expected) for cache in caches)


def test_a_waiting_process_says_so(
    examples: list[Example], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def busy_once(stream: object, operation: int) -> None:
        if operation & pixel_store.fcntl.LOCK_NB:
            raise BlockingIOError

    monkeypatch.setattr(pixel_store.fcntl, "flock", busy_once)
    open_cache(examples, SIZE, tmp_path / "cache")
    assert "waiting for another process that fills it" in capsys.readouterr().err
