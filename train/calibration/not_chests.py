"""Pictures that are no frontal chest film: films turned or inverted, and what is generated out of nothing.

The gate of `fit_scope.py` learns from them, and the evaluation tries it on others of their kind. No picture of anybody
is needed: films are altered, everything else is drawn from random numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from scipy.ndimage import gaussian_filter

from model_src.calibration.scope import INVERTED, NO_CHEST, TURNED, UPSIDE_DOWN

Pair: TypeAlias = tuple[float, float] | np.ndarray  # x and y

# What is altered of a film -> the kind it becomes, and how.
ALTERED: dict[str, tuple[int, Callable[[np.ndarray], np.ndarray]]] = {
    "upside down": (UPSIDE_DOWN, lambda film: film[::-1]),
    "turned by half": (UPSIDE_DOWN, lambda film: film[::-1, ::-1]),
    "turned to the left": (TURNED, lambda film: np.rot90(film, 1)),
    "turned to the right": (TURNED, lambda film: np.rot90(film, -1)),
    "inverted": (INVERTED, lambda film: 1 - film),
    "halves exchanged": (NO_CHEST, lambda film: np.roll(film, (film.shape[0] // 2, film.shape[1] // 2), (0, 1))),
    "pixels sorted": (NO_CHEST, lambda film: np.sort(film, axis=None).reshape(film.shape)),
}


def generate(name: str, seed: int, size: int) -> np.ndarray:
    """A picture of a kind in `GENERATED`: float32 (size, size) in [0, 1]; the same three give the same picture."""
    rng = np.random.default_rng((seed, *name.encode()))
    picture = GENERATED[name](rng, size)
    return np.clip(picture, 0, 1).astype(np.float32)


def _grid(size: int) -> tuple[np.ndarray, np.ndarray]:
    """x to the right and y down, from -1 to 1."""
    axis = (np.arange(size) + 0.5) / size * 2 - 1
    x, y = np.meshgrid(axis, axis)
    return x, y


def _ellipse(size: int, centre: Pair, axes: Pair, angle: float = 0.0, edge: float = 0.04) -> np.ndarray:
    """1 inside, 0 outside, with a soft edge."""
    x, y = _grid(size)
    u = (x - centre[0]) * np.cos(angle) + (y - centre[1]) * np.sin(angle)
    v = (y - centre[1]) * np.cos(angle) - (x - centre[0]) * np.sin(angle)
    return 1 / (1 + np.exp(np.clip((np.hypot(u / axes[0], v / axes[1]) - 1) / edge, -60, 60)))


def _smooth_noise(rng: np.random.Generator, size: int, length: float) -> np.ndarray:
    """Noise of mean 0 and deviation 1 whose structures are about `length` of the side wide."""
    noise = gaussian_filter(rng.normal(size=(size, size)), length * size, mode="wrap")
    return (noise - noise.mean()) / max(noise.std(), 1e-9)


def _capsule(size: int, start: Pair, end: Pair, radius: float) -> np.ndarray:
    """A bar with round ends, 1 in its middle line and 0 at its edge."""
    x, y = _grid(size)
    (x0, y0), (x1, y1) = start, end
    length = max((x1 - x0) ** 2 + (y1 - y0) ** 2, 1e-9)
    along = np.clip(((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / length, 0, 1)
    away = np.hypot(x - x0 - along * (x1 - x0), y - y0 - along * (y1 - y0)) / radius
    return np.sqrt(np.clip(1 - away**2, 0, None))


def _blank(rng: np.random.Generator, size: int) -> np.ndarray:
    """One gray, perhaps with a slope, grain, and a frame."""
    x, y = _grid(size)
    angle = rng.uniform(0, 2 * np.pi)
    picture = rng.uniform(0, 1) + rng.choice([0.0, 0.2]) * (x * np.cos(angle) + y * np.sin(angle))
    picture = picture + rng.choice([0.0, 0.02]) * rng.normal(size=(size, size))
    if rng.random() < 0.4:
        frame = rng.uniform(0.4, 0.95, 2)
        picture = np.where((abs(x) < frame[0]) & (abs(y) < frame[1]), picture, rng.choice([0.0, 1.0]))
    return picture


def _noise(rng: np.random.Generator, size: int) -> np.ndarray:
    """White or cloudy noise."""
    length = rng.choice([0.0, 0.01, 0.03, 0.1])
    return rng.uniform(0.3, 0.7) + rng.uniform(0.1, 0.4) * _smooth_noise(rng, size, length)


def _text(rng: np.random.Generator, size: int) -> np.ndarray:
    """Lines of words, a heading, perhaps a figure or a table; dark on light or the other way round."""
    page = np.zeros((size, size))
    line = rng.uniform(0.02, 0.07)
    left, right = rng.uniform(0.02, 0.25), rng.uniform(0.7, 0.98)
    y = rng.uniform(0.02, 0.2)
    while y < rng.uniform(0.8, 1.0):
        x, end = left, right if rng.random() < 0.8 else rng.uniform(left, right)
        while x < end:
            word = rng.uniform(0.03, 0.14)
            rows = slice(round(y * size), round((y + line / 2) * size) + 1)
            columns = slice(round(x * size), round(min(x + word, end) * size))
            page[rows, columns] = rng.uniform(0.4, 1.0, page[rows, columns].shape)
            x += word + 0.02
        y += line
    if rng.random() < 0.3:
        (top, bottom), (start, stop) = (np.sort((rng.uniform(0, 1, 2) * size).astype(int)).tolist() for _ in range(2))
        page[top:bottom, start:stop] = rng.uniform(0.1, 0.9)
    contrast, ground = rng.uniform(0.4, 1.0), rng.uniform(0.0, 0.2)
    picture = ground + contrast * page
    return 1 - picture if rng.random() < 0.7 else picture


def _scene(rng: np.random.Generator, size: int) -> np.ndarray:
    """As photographs are: large and small structures of all gray values, things with edges, light from one side."""
    x, y = _grid(size)
    picture = np.full((size, size), rng.uniform(0.2, 0.8))
    for length in (0.25, 0.1, 0.04, 0.015):
        picture += rng.uniform(0.0, 0.12) * _smooth_noise(rng, size, length)
    for _ in range(rng.integers(0, 9)):
        centre, sides, angle = rng.uniform(-1, 1, 2), rng.uniform(0.05, 0.9, 2), rng.uniform(0, np.pi)
        if rng.random() < 0.5:
            shape = _ellipse(size, centre, sides, angle, edge=0.02)
        else:
            u, v = (x - centre[0]) * np.cos(angle) + (y - centre[1]) * np.sin(angle), y - centre[1]
            shape = ((abs(u) < sides[0]) & (abs(v) < sides[1])).astype(float)
        picture = picture * (1 - shape) + shape * (rng.uniform(0, 1) + 0.1 * _smooth_noise(rng, size, 0.05))
    angle = rng.uniform(0, 2 * np.pi)
    return picture + rng.uniform(0, 0.3) * (x * np.cos(angle) + y * np.sin(angle))


def _thing(rng: np.random.Generator, size: int) -> np.ndarray:
    """One or a few things on an even ground: an icon, a drawing, a product."""
    picture = np.full((size, size), float(rng.choice([0.0, 1.0, rng.uniform(0, 1)])))
    for _ in range(rng.integers(1, 7)):
        centre, sides = rng.uniform(-0.6, 0.6, 2), rng.uniform(0.05, 0.8, 2)
        x, y = _grid(size)
        if rng.random() < 0.5:
            shape = _ellipse(size, centre, sides, rng.uniform(0, np.pi), edge=0.01)
        else:
            shape = ((abs(x - centre[0]) < sides[0]) & (abs(y - centre[1]) < sides[1])).astype(float)
        picture = picture * (1 - shape) + shape * rng.uniform(0, 1)
    return picture


def _hand(rng: np.random.Generator, size: int) -> np.ndarray:
    """A hand or a foot as an X-ray shows it: rays with denser bones, from a palm, on black."""
    picture = np.zeros((size, size))
    angle, scale = rng.uniform(-0.5, 0.5) + rng.choice([0, 0, np.pi / 2, np.pi]), rng.uniform(0.8, 1.2)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    wrist = np.array([0.0, 0.95]) * scale
    for spread, length in zip(np.linspace(-0.55, 0.55, 5), (0.9, 1.35, 1.5, 1.4, 1.05), strict=True):
        direction = np.array([np.sin(spread), -np.cos(spread)])
        start, end = wrist * 0.7 + 0.1 * direction, wrist * 0.7 + length * scale * direction * rng.uniform(0.9, 1.1)
        start, end = turn @ start, turn @ end
        picture = np.maximum(picture, 0.45 * _capsule(size, start, end, 0.16 * scale))
        picture = np.maximum(picture, rng.uniform(0.7, 1.0) * _capsule(size, start, end, 0.06 * scale))
    return picture * rng.uniform(0.7, 1.0) + rng.uniform(0, 0.1) + 0.02 * rng.normal(size=(size, size))


def _limb(rng: np.random.Generator, size: int) -> np.ndarray:
    """One or two long bones in soft tissue: a knee, an elbow, a leg."""
    angle, bend, reach = rng.uniform(0, np.pi), rng.uniform(-0.6, 0.6), 1.6
    ends = [(reach * np.cos(a), reach * np.sin(a)) for a in (angle, angle + np.pi + bend)]
    middle = rng.uniform(-0.2, 0.2, 2)
    thick, picture = rng.uniform(0.3, 0.6), np.zeros((size, size))
    for end in ends:
        picture = np.maximum(picture, 0.4 * _capsule(size, middle, end, thick))
        picture = np.maximum(
            picture, rng.uniform(0.6, 1.0) * _capsule(size, middle, end, thick * rng.uniform(0.3, 0.5))
        )
    return picture + rng.uniform(0, 0.1) + 0.02 * rng.normal(size=(size, size))


def _lateral(rng: np.random.Generator, size: int) -> np.ndarray:
    """A chest from the side: one body, the spine along the back, the heart in front, lung between and behind."""
    body = _ellipse(size, (rng.uniform(-0.1, 0.1), 0.2), (rng.uniform(0.6, 0.85), rng.uniform(1.1, 1.5)), 0, 0.05)
    place, extent = (0.05, rng.uniform(-0.15, 0.05)), (rng.uniform(0.4, 0.6), rng.uniform(0.6, 0.85))
    lung = _ellipse(size, place, extent, rng.uniform(-0.3, 0.1), 0.1)
    heart = _ellipse(size, (rng.uniform(-0.35, -0.2), rng.uniform(0.15, 0.35)), (0.3, 0.35), 0.4, 0.15)
    x, y = _grid(size)
    spine = np.exp(-(((x - rng.uniform(0.5, 0.62) - 0.12 * np.cos(2 * y)) / 0.12) ** 2))
    spine = spine * (0.8 + 0.2 * np.cos(y * rng.uniform(18, 26)))
    arms = _ellipse(size, (rng.uniform(-0.3, 0.2), -0.95), (0.6, 0.3), 0, 0.15)
    dome = 1 / (1 + np.exp(np.clip(-(y - rng.uniform(0.45, 0.65) - 0.25 * (x + 0.2) ** 2) / 0.05, -60, 60)))
    dense = 0.75 * body - 0.55 * lung * (1 - dome) + 0.3 * heart * (1 - dome) + 0.3 * spine * body + 0.2 * arms
    picture = rng.uniform(0.05, 0.2) + rng.uniform(0.7, 1.0) * dense + 0.05 * _smooth_noise(rng, size, 0.05)
    return picture[:, ::-1] if rng.random() < 0.5 else picture


def _slice(rng: np.random.Generator, size: int) -> np.ndarray:
    """A cut through a body or a head: an oval with a bright rim and organs of several grays, on black."""
    a, b, angle = rng.uniform(0.5, 0.95), rng.uniform(0.45, 0.85), rng.choice([0.0, np.pi / 2])
    picture = rng.uniform(0.3, 0.6) * _ellipse(size, (0, 0), (a, b), angle, 0.02)
    rim = _ellipse(size, (0, 0), (a, b), angle, 0.02) - _ellipse(size, (0, 0), (a * 0.9, b * 0.9), angle, 0.02)
    picture += rng.uniform(0.2, 0.6) * rim
    for _ in range(rng.integers(2, 8)):
        organ = _ellipse(size, rng.uniform(-0.45, 0.45, 2), rng.uniform(0.05, 0.3, 2), rng.uniform(0, np.pi), 0.05)
        picture += rng.uniform(-0.4, 0.5) * organ
    return picture + 0.02 * rng.normal(size=(size, size))


def _stripes(rng: np.random.Generator, size: int) -> np.ndarray:
    """Stripes, squares, a gradient: test pictures and patterns."""
    x, y = _grid(size)
    angle, wide = rng.uniform(0, np.pi), rng.uniform(2, 25)
    wave = np.sin(wide * (x * np.cos(angle) + y * np.sin(angle)) + rng.uniform(0, 6))
    if rng.random() < 0.5:
        wave = wave * np.sin(wide * (y * np.cos(angle) - x * np.sin(angle)))
    return 0.5 + rng.uniform(0.1, 0.5) * (np.sign(wave) if rng.random() < 0.5 else wave)


# Kinds of generated pictures; all of them are NO_CHEST.
GENERATED: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "blank": _blank,
    "noise": _noise,
    "text": _text,
    "scene": _scene,
    "thing": _thing,
    "hand": _hand,
    "limb": _limb,
    "lateral": _lateral,
    "slice": _slice,
    "stripes": _stripes,
}
