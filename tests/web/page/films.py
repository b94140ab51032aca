"""Films for the page's tests, and what the page shows of them."""

from __future__ import annotations

import base64
import time
from typing import Any

import numpy as np
from PIL import Image

from tests.image_writers import write_picture


def film_file(pixels: np.ndarray, name: str = "film.png") -> dict[str, Any]:
    """A picture as what Playwright gives to a file input."""
    return {"name": name, "mimeType": "image/png", "buffer": write_picture(Image.fromarray(pixels))}


def plain_film(name: str = "film.png", size: int = 128) -> dict[str, Any]:
    """A film without meaning: dark to bright from left to right."""
    ramp = np.linspace(20, 230, size).astype(np.uint8)
    return film_file(np.tile(ramp, (size, 1)), name)


def add(page: Any, *files: dict[str, Any]) -> None:
    """Choose files, and wait until each has its answer or its error."""
    before = page.locator(".row").count()
    page.set_input_files("#files", list(files))
    settled = "document.querySelectorAll('.row[data-phase=answered], .row[data-phase=refused]').length"
    until(page, f"{settled} >= {before + len(files)}")


def until(page: Any, condition: str, seconds: float = 10) -> None:
    """Wait for a condition in JavaScript; Playwright's own wait needs eval, which the page's policy forbids."""
    limit = time.monotonic() + seconds
    while not page.evaluate(condition):
        assert time.monotonic() < limit, f"still not so after {seconds} s: {condition}"
        time.sleep(0.03)


def wait_for_map(page: Any) -> None:
    """Wait until the map of the film that is shown is there and drawn."""
    until(page, "!document.querySelector('#scores').hidden")
    rest(page)


def rest(page: Any) -> None:
    """Wait until the film has been drawn at its best."""
    page.evaluate(
        "() => new Promise(done => setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(done)), 200))"
    )


def canvas_pixels(page: Any, pane: str = "film") -> np.ndarray:
    """What a pane shows: uint8 (H, W, 3)."""
    width, height, data = page.evaluate(
        """pane => {
          const canvas = document.querySelector(`[data-pane=${pane}] canvas`);
          const { width, height } = canvas;
          const bytes = canvas.getContext('2d').getImageData(0, 0, width, height).data;
          let text = '';
          for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
          return [width, height, btoa(text)];
        }""",
        pane,
    )
    return np.frombuffer(base64.b64decode(data), np.uint8).reshape(height, width, 4)[..., :3]
