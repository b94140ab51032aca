"""Phantoms: generated pictures that look like chest X-rays, with lesions whose place is known.

They stand in for patients where there are none: a demo without data, tests, and explanations scored against
the truth. They are no evidence about real X-rays.

Anatomy, exposure and noise come from random streams of their own that do not know the class, so nothing but
the lesions tells the classes apart:

- Healthy: none.
- Pneumonia: one focal opacity in one lung, dense, with a soft irregular edge (consolidation).
- COVID-19: three to seven hazy patches in both lungs, towards the periphery and the bases (ground glass).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, zoom

from model_src.classes import CLASS_NAMES, HEALTHY, PNEUMONIA
from model_src.errors import DataError
from phantoms.anatomy import LEFT, RIGHT, Chest, draw_anatomy

MIN_SIZE = 16
FORMAT = 1  # raised whenever the same seed gives other pictures
_SKETCH = 96  # pixels of the grid on which lesions are placed, whatever the size of the image
_ANATOMY, _LESIONS, _EXPOSURE, _GRAIN = range(4)  # random streams


@dataclass(frozen=True)
class Phantom:
    """`image` uint8 (S, S), bright = dense; `lesion_mask` bool (S, S), True where a lesion is visible."""

    image: np.ndarray
    lesion_mask: np.ndarray


@dataclass(frozen=True)
class _Lesion:
    """An opacity in film coordinates: place, extent, density (1 = no air left), patchiness, outline."""

    x: float
    y: float
    radius: float
    density: float
    patchiness: float
    stretch: float  # height over width
    harmonics: np.ndarray  # (4, 2) cosine and sine amplitudes of the outline


def make_phantom(label: int, seed: int, size: int) -> Phantom:
    """The phantom of a class, number and size; the same three always give the same picture.

    Phantoms that differ only in `label` are one chest with different lesions.

    Raises:
        DataError: `label` is not 0, 1 or 2, `seed` is negative, or `size` is below 16 pixels.
    """
    if label not in range(len(CLASS_NAMES)):
        raise DataError(f"phantom label: found {label}, need 0, 1 or 2 ({', '.join(CLASS_NAMES)})")
    if size < MIN_SIZE or seed < 0:
        raise DataError(f"phantom: found size {size}, seed {seed}; need a size >= {MIN_SIZE}, a seed >= 0")
    anatomy = draw_anatomy(np.random.default_rng((seed, _ANATOMY)))
    chest = Chest(anatomy, size)
    lesions_rng = np.random.default_rng((seed, _LESIONS, label))
    opacity = _opacity(_draw_lesions(label, Chest(anatomy, _SKETCH), lesions_rng), chest, lesions_rng)
    absorbed = chest.absorption() + 0.45 * opacity * chest.lung_depth
    image = _expose(absorbed, np.random.default_rng((seed, _EXPOSURE)), np.random.default_rng((seed, _GRAIN)))
    return Phantom(image, (opacity > 0.12) & chest.lungs())


# --- lesions


def _draw_lesions(label: int, sketch: Chest, rng: np.random.Generator) -> list[_Lesion]:
    if label == HEALTHY:
        return []
    if label == PNEUMONIA:
        side = LEFT if rng.random() < 0.5 else RIGHT
        lung = sketch.lungs() & (sketch.side == side)
        well_inside = lung * gaussian_filter(lung.astype(np.float32), 0.06 * _SKETCH) ** 3
        x, y = _place(well_inside, sketch, rng)
        return [_lesion(x, y, rng, radius=(0.17, 0.28), density=(0.65, 0.9), patchiness=0.3)]
    # COVID-19: the nearer the chest wall and the base, the likelier; both lungs are always involved.
    from_wall = sketch.lateral - sketch.out
    low = 0.15 + np.clip(sketch.y + 0.55, 0, 1)
    likely = sketch.lungs() * low * np.exp(-(((from_wall - 0.1) / 0.12) ** 2))
    lesions = []
    for index in range(int(rng.integers(3, 8))):
        side = (LEFT, RIGHT)[index] if index < 2 else (LEFT if rng.random() < 0.5 else RIGHT)
        x, y = _place(likely * (sketch.side == side), sketch, rng)
        lesions.append(_lesion(x, y, rng, radius=(0.11, 0.18), density=(0.4, 0.65), patchiness=0.7))
    return lesions


def _place(likely: np.ndarray, sketch: Chest, rng: np.random.Generator) -> tuple[float, float]:
    """A point of the chest, drawn with probability proportional to `likely`, which is not all zero."""
    at = np.searchsorted(np.cumsum(likely.ravel()) / likely.sum(), rng.random())
    return float(sketch.x.flat[at]), float(sketch.y.flat[at])


def _lesion(
    x: float,
    y: float,
    rng: np.random.Generator,
    *,
    radius: tuple[float, float],
    density: tuple[float, float],
    patchiness: float,
) -> _Lesion:
    harmonics = rng.normal(0, 1, (4, 2)) * np.array([0.16, 0.12, 0.08, 0.05])[:, None]
    stretch = rng.uniform(0.8, 1.5)
    return _Lesion(x, y, rng.uniform(*radius), rng.uniform(*density), patchiness, stretch, harmonics)


def _opacity(lesions: list[_Lesion], chest: Chest, rng: np.random.Generator) -> np.ndarray:
    """Share of the lung's air that the lesions take, float32 (S, S) in [0, 1]."""
    size = chest.x.shape[0]
    air = np.ones((size, size), np.float32)
    texture = 0.6 * _clouds(rng, 14, size) + 0.5 * _clouds(rng, 40, size)
    for lesion in lesions:
        dx, dy = chest.x - lesion.x, (chest.y - lesion.y) / lesion.stretch
        angle = np.arctan2(dy, dx)
        outline = np.ones_like(dx)
        for order, (cosine, sine) in enumerate(lesion.harmonics, start=1):
            outline += cosine * np.cos(order * angle) + sine * np.sin(order * angle)
        distance = np.hypot(dx, dy) / (lesion.radius * np.maximum(outline, 0.3))
        profile = np.exp(-(distance**2.6)) * np.clip(1 + lesion.patchiness * texture, 0.1, 1.9)
        air *= 1 - np.clip(lesion.density * profile, 0, 0.95)
    return 1 - air


def _clouds(rng: np.random.Generator, cells: int, size: int) -> np.ndarray:
    """Smooth noise of about unit variance with `cells` cells across, float32 (size, size)."""
    coarse = rng.normal(0, 1, (cells, cells)).astype(np.float32)
    return zoom(coarse, size / cells, order=1, mode="nearest", grid_mode=True)[:size, :size]


# --- exposure


def _expose(absorbed: np.ndarray, exposure: np.random.Generator, grain: np.random.Generator) -> np.ndarray:
    """The film: scatter, blur, uneven field, grain, tone curve -> uint8 (S, S)."""
    size = absorbed.shape[0]
    axis = np.linspace(-1, 1, size, dtype=np.float32)
    blur, scatter = exposure.uniform(0.0015, 0.004), exposure.uniform(0.1, 0.25)
    low, high = exposure.normal(0.06, 0.03), exposure.normal(1.05, 0.06)
    gamma, strength = exposure.uniform(0.85, 1.3), exposure.uniform(0.004, 0.014)
    tilt = exposure.normal(0, 0.03, 2)
    vignette = exposure.uniform(0.0, 0.08)

    film = (1 - scatter) * gaussian_filter(absorbed, blur * size) + scatter * _scattered(absorbed)
    film += 0.02 * _clouds(exposure, 6, size) * np.clip(3 * film, 0, 1)
    noise = gaussian_filter(grain.standard_normal((size, size), np.float32), 0.6)
    film += 2 * strength * (0.5 + film) * noise
    film += tilt[0] * axis[None, :] + tilt[1] * axis[:, None]
    film -= vignette * (axis[None, :] ** 2 + axis[:, None] ** 2)
    exposed = np.maximum((film - low) / (high - low), 0) ** gamma
    tone = exposed / (1 + exposed**4) ** 0.25 * 1.08  # a shoulder, as film has: nothing is cut off at white
    return np.rint(255 * np.clip(tone, 0, 1)).astype(np.uint8)


def _scattered(absorbed: np.ndarray) -> np.ndarray:
    """A wide blur, 6% of the image; so wide that every fourth pixel is enough to compute it."""
    size = absorbed.shape[0]
    coarse = gaussian_filter(absorbed[::4, ::4], 0.06 * size / 4)
    return zoom(coarse, size / coarse.shape[0], order=1, mode="nearest", grid_mode=True)
