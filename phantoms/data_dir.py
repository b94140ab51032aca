"""A DATA_DIR of phantoms: images by split and class, lesion masks beside them, and a file that says what it is."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from model_src.atomic import atomic_write, require_writable
from model_src.classes import CLASS_NAMES, HEALTHY, PHANTOMS_FILE
from model_src.errors import DataError, OutputError
from phantoms.generate import FORMAT, make_phantom

Progress = Callable[[Iterable[None], int], Iterable[None]]  # passes on what is done, of so many, and may show it


def write_phantoms(
    out_dir: str | os.PathLike[str],
    per_class: int,
    size: int,
    seed: int,
    workers: int | None = None,
    progress: Progress = lambda drawn, total: drawn,
) -> bool:
    """Write a DATA_DIR of phantoms: `per_class` training images for each class, a quarter as many for the test.

        OUT_DIR/train|test/CLASS/NAME.png         8-bit gray images
        OUT_DIR/masks/train|test/CLASS/NAME.png   255 where a lesion is
        OUT_DIR/phantoms.json                     settings; says that these are no X-rays

    The first images of a larger set are those of a smaller one. The folder appears when it is complete; a run
    that was interrupted leaves `.NAME-unfinished` beside it, and the next one with the same settings goes on
    from there.

    Args:
        out_dir: new or empty, or one that holds these very phantoms.
        per_class: at least 4.
        size: side in pixels.
        seed: decides every picture.
        workers: pictures drawn at a time; default one per core.
        progress: passes on what is drawn, of so many in all, and may show it.

    Returns:
        False where OUT_DIR holds these very phantoms already, and nothing was drawn.

    Raises:
        DataError: a setting out of range, or OUT_DIR holds anything else.
        OutputError: OUT_DIR cannot be written.
    """
    if per_class < 4:
        raise DataError(f"phantoms: found {per_class} per class, need at least 4, to have one for the test")
    out_dir = Path(out_dir).absolute()
    settings = {
        "about": "Generated pictures, not X-rays of anybody; lesions and their masks are drawn at random.",
        "format": FORMAT,
        "per_class": {"train": per_class, "test": per_class // 4},
        "size": size,
        "seed": seed,
    }
    make_phantom(HEALTHY, seed, size)  # a wrong size or seed is told before anything is written
    wanted = [
        (split, label, index)
        for split, count in (("train", per_class), ("test", per_class // 4))
        for label in range(len(CLASS_NAMES))
        for index in range(count)
    ]
    if out_dir.exists() and (not out_dir.is_dir() or any(out_dir.iterdir())):
        _require_same(out_dir, settings, len(wanted))
        return False
    require_writable(out_dir, "OUT_DIR")
    try:
        _draw(out_dir, settings, wanted, workers, progress)
    except OSError as error:
        reason = error.strerror or error
        raise OutputError(f"OUT_DIR {out_dir}: cannot be written ({reason}); choose another folder") from error
    return True


def _draw(
    out_dir: Path, settings: dict[str, Any], wanted: list[tuple[str, int, int]], workers: int | None, progress: Progress
) -> None:
    """Draw the phantoms (split, label, index) that are not there yet, then give the folder its name."""
    unfinished = out_dir.with_name(f".{out_dir.name}-unfinished")
    if unfinished.exists() and _settings_of(unfinished) != settings:
        shutil.rmtree(unfinished)
    unfinished.mkdir(parents=True, exist_ok=True)
    with atomic_write(unfinished / PHANTOMS_FILE) as file:
        file.write_text(json.dumps(settings, indent=2) + "\n")

    def draw(which: tuple[str, int, int]) -> None:
        _write_phantom(unfinished, *which, size=settings["size"], seed=settings["seed"])

    with ThreadPoolExecutor(workers or len(os.sched_getaffinity(0))) as pool:
        for _ in progress(pool.map(draw, wanted), len(wanted)):
            pass
    unfinished.replace(out_dir)


def _require_same(folder: Path, settings: dict[str, Any], images: int) -> None:
    """Raise DataError unless a folder in use holds the phantoms of these settings, all of them and no others."""
    held = _settings_of(folder)
    there = sum(1 for split in ("train", "test") for _ in (folder / split).rglob("*.png"))
    if held == settings and there == images:
        return
    if not isinstance(held, dict) or not isinstance(held.get("per_class"), dict):
        raise DataError(f"{folder} exists and holds something else; choose another folder, or remove it")
    made, asked = (
        f"{of['per_class'].get('train')} per class, size {of.get('size')}, seed {of.get('seed')}"
        for of in (held, settings)
    )
    raise DataError(
        f"{folder} holds {there} phantoms ({made}), asked for are {images} ({asked}); choose another folder"
    )


def _write_phantom(folder: Path, split: str, label: int, index: int, *, size: int, seed: int) -> None:
    place = Path(split, CLASS_NAMES[label], f"{CLASS_NAMES[label].lower()}-{index:05d}.png")
    if (folder / place).exists():  # written after its mask
        return
    number = hashlib.sha256(f"{seed}/{split}/{label}/{index}".encode()).digest()[:8]
    phantom = make_phantom(label, int.from_bytes(number, "big"), size)
    for path, pixels in (
        (folder / "masks" / place, phantom.lesion_mask.astype(np.uint8) * 255),
        (folder / place, phantom.image),
    ):
        with atomic_write(path) as file:
            Image.fromarray(pixels).save(file)


def _settings_of(folder: Path) -> object:
    try:
        return json.loads((folder / PHANTOMS_FILE).read_text())
    except (OSError, ValueError):
        return None
