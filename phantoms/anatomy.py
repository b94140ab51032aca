"""Chest anatomy for phantoms: where body, lungs, heart, ribs, clavicles and vessels lie, and how much they
absorb.

A chest is a set of numbers drawn once (`Anatomy`), evaluated on a pixel grid of any size (`Chest`).
Coordinates are those of the film: x to the right and y down, both from -1 to 1, as the viewer sees it; the
patient's right side, the liver and the higher dome of the diaphragm are on the viewer's left, the heart's
apex on the viewer's right. Absorption is relative: about 1 is soft tissue as deep as the chest, 0 is air.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LEFT, RIGHT = -1, 1  # sides as the viewer sees them


@dataclass(frozen=True)
class Anatomy:
    """The numbers of one patient and posture, in film coordinates unless said otherwise."""

    rotation: float  # radians, of the patient in the film's plane
    scale: float
    shift: tuple[float, float]
    lean: float  # sideways turn: moves the heart and mediastinum
    depth: float  # of the body: how much soft tissue lies over everything
    body_width: float
    shoulder: float  # y where the shoulders reach their width
    breasts: float  # depth of the soft tissue over the lower lungs, may be 0
    apex: dict[int, float]  # per side, y of the lung's top
    lung_width: dict[int, float]  # per side, distance of the lateral border from the middle
    dome: dict[int, float]  # per side, y of the diaphragm's top
    dome_curve: dict[int, float]
    mediastinum: float  # half width
    aortic_knob: float  # how far it stands out
    heart: dict[int, float]  # per side, how far it stands out of the mediastinum
    heart_y: float
    rib_spacing: float
    rib_start: float
    rib_slope: float
    rib_contrast: float
    clavicle: dict[int, tuple[float, float]]  # per side, y at the inner end and rise to the outer end
    vessels: np.ndarray  # (n, 6): side, angle, bend, length, thickness, strength
    stomach: float  # size of the air bubble below the diaphragm, 0 = not seen


def draw_anatomy(rng: np.random.Generator) -> Anatomy:
    """A patient at random; every kind of patient is equally likely whatever is wrong with the lungs."""

    def around(mean: float, spread: float) -> float:
        return float(np.clip(rng.normal(mean, spread), mean - 2.5 * spread, mean + 2.5 * spread))

    def both_sides(mean: float, spread: float, right_extra: float = 0.0) -> dict[int, float]:
        common = around(mean, spread)
        return {LEFT: common + around(0, spread / 3), RIGHT: common + right_extra + around(0, spread / 3)}

    count = 34
    vessels = np.stack(
        [
            np.where(np.arange(count) % 2, RIGHT, LEFT),
            rng.uniform(-1.3, 1.5, count),
            rng.normal(0, 0.8, count),
            rng.uniform(0.2, 0.65, count),
            rng.uniform(0.007, 0.016, count),
            rng.uniform(0.3, 1.0, count),
        ],
        axis=1,
    )
    return Anatomy(
        rotation=around(0, 0.03),
        scale=around(1.06, 0.05),
        shift=(around(0, 0.03), around(0.02, 0.035)),
        lean=around(0, 0.025),
        depth=around(1.0, 0.08),
        body_width=around(1.02, 0.07),
        shoulder=around(-0.62, 0.05),
        breasts=max(around(0.03, 0.04), 0.0),
        apex=both_sides(-0.78, 0.04),
        lung_width=both_sides(0.72, 0.045),
        dome=both_sides(0.4, 0.07, right_extra=0.05),
        dome_curve=both_sides(1.9, 0.3),
        mediastinum=around(0.135, 0.015),
        aortic_knob=around(0.055, 0.02),
        heart={LEFT: around(0.075, 0.02), RIGHT: around(0.3, 0.045)},
        heart_y=around(0.3, 0.03),
        rib_spacing=around(0.158, 0.01),
        rib_start=around(-0.88, 0.03),
        rib_slope=around(0.26, 0.05),
        rib_contrast=around(1.0, 0.2),
        clavicle={side: (around(-0.58, 0.04), around(0.2, 0.05)) for side in (LEFT, RIGHT)},
        vessels=vessels,
        stomach=max(around(0.05, 0.05), 0.0),
    )


class Chest:
    """An anatomy on a grid of `size` x `size` pixels; every map is float32 (size, size)."""

    def __init__(self, anatomy: Anatomy, size: int) -> None:
        self.anatomy = anatomy
        axis = ((np.arange(size, dtype=np.float32) + np.float32(0.5)) / size) * 2 - 1
        film_x, film_y = np.meshgrid(axis, axis)
        cos, sin = np.cos(anatomy.rotation), np.sin(anatomy.rotation)
        x, y = film_x - anatomy.shift[0], film_y - anatomy.shift[1]
        self.x = ((cos * x + sin * y) / anatomy.scale).astype(np.float32)
        self.y = ((cos * y - sin * x) / anatomy.scale).astype(np.float32)
        self.side = np.where(self.x < 0, LEFT, RIGHT)
        self.out = np.abs(self.x)  # distance from the middle
        self.heart = self._heart()
        self.lung_depth, self.lateral = self._lungs()

    def _per_side(self, values: dict[int, float]) -> np.ndarray:
        return np.where(self.side == LEFT, np.float32(values[LEFT]), np.float32(values[RIGHT]))

    def lungs(self) -> np.ndarray:
        """True where a lung is seen free of the heart."""
        return (self.lung_depth > 0.4) & (self.heart < 0.4)

    def absorption(self) -> np.ndarray:
        """What the beam loses in a healthy chest."""
        a = self.anatomy
        body = self._body()
        aerated = self.lung_depth * (1 - 0.75 * self.heart)
        soft = 0.6 * body + 0.34 * self.heart + 0.3 * self._below_diaphragm() * body + self._breasts()
        bones = a.rib_contrast * self._ribs() + 0.1 * self._clavicles() + 0.1 * self._spine()
        air = 0.42 * aerated + 0.12 * self._windpipe()
        return (a.depth * soft + bones * body - air + 0.14 * self._vessels() * aerated).astype(np.float32)

    def _lungs(self) -> tuple[np.ndarray, np.ndarray]:
        """How much lung lies at each pixel (0 to 1), and how far out the lateral border is."""
        a = self.anatomy
        apex, dome, width = (self._per_side(values) for values in (a.apex, a.dome, a.lung_width))
        along = np.clip((self.y - apex) / (dome + 0.2 - apex), 0, 1)  # 0 at the apex, 1 at the bottom
        lateral = 0.33 + (width - 0.33) * np.sqrt(1 - (1 - along) ** 2.8)
        medial = a.mediastinum - 0.03 + 0.2 * np.clip(1 - along / 0.16, 0, 1) ** 2 + self.side * a.lean
        base = dome + self._per_side(a.dome_curve) * (self.out - 0.5 * (lateral + medial) + 0.05) ** 2
        inside = _edge(lateral - self.out, 0.012) * _edge(self.out - medial, 0.015)
        inside = inside * _edge(base - self.y, 0.012) * _edge(self.y - apex, 0.02)
        # A lung is deepest between its borders: what the beam meets thins out towards them.
        across = np.clip((self.out - medial) / np.maximum(lateral - medial, 0.05), 0, 1)
        depth = (4 * across * (1 - across)) ** 0.3
        return (inside * (0.3 + 0.7 * depth)).astype(np.float32), lateral.astype(np.float32)

    def _body(self) -> np.ndarray:
        """Depth of soft tissue: neck, sloping shoulders, trunk thinning towards the sides."""
        a = self.anatomy
        neck = 0.3
        below = np.clip((self.y - a.shoulder + 0.36) / 0.36, 0, 1)
        half = neck + (a.body_width - neck) * below**0.9 - 0.07 * np.clip(self.y + 0.3, 0, 1)
        across = np.clip(self.out / np.maximum(half, 0.05), 0, 1)
        return _edge(half - self.out, 0.012) * (0.4 + 0.6 * np.sqrt(np.maximum(1 - across**5, 0)))

    def _heart(self) -> np.ndarray:
        """Depth of heart, great vessels and mediastinum, 0 to 1: one silhouette between two borders."""
        a = self.anatomy
        x, y = self.x - a.lean, self.y
        below = np.where(y > a.heart_y, np.float32(0.2), np.float32(0.3))
        bulge = np.exp(-(((y - a.heart_y) / below) ** 2))
        knob = np.exp(-(((y + 0.33) / 0.085) ** 2))
        trunk = a.mediastinum * (0.85 + 0.15 * np.tanh(3 * (y + 0.2)))
        border = np.where(x < 0, trunk + a.heart[LEFT] * bulge, trunk + a.heart[RIGHT] * bulge + a.aortic_knob * knob)
        across = np.clip(np.abs(x) / border, 0, 1)
        return (_edge(border - np.abs(x), 0.022) * (0.45 + 0.55 * np.sqrt(1 - across**2))).astype(np.float32)

    def _windpipe(self) -> np.ndarray:
        x = np.abs(self.x - self.anatomy.lean)
        return _edge(0.038 - x, 0.014) * _edge(-0.26 - self.y, 0.06)

    def _breasts(self) -> np.ndarray:
        return self.anatomy.breasts * _edge(0.36 - np.hypot(self.out - 0.42, 0.9 * (self.y - 0.22)), 0.06)

    def _below_diaphragm(self) -> np.ndarray:
        a = self.anatomy
        no_lung = 1 - np.clip(1.5 * self.lung_depth, 0, 1)
        abdomen = _edge(self.y - self._per_side(a.dome) - 0.03, 0.06) * no_lung
        bubble = _edge(a.stomach - np.hypot(self.x - 0.36, 1.7 * (self.y - a.dome[RIGHT] - 0.12)), 0.02)
        return abdomen * (1 - 1.1 * bubble) * _edge(self.lateral + 0.02 - self.out, 0.14)

    def _ribs(self) -> np.ndarray:
        """Posterior ribs leave the spine and turn down at the side; anterior ones are fainter."""
        a = self.anatomy
        across = np.clip(self.out / np.maximum(self.lateral, 0.25), 0, 1.15)
        arch = 0.42 * np.sin(np.pi * np.minimum(across, 1) * 0.8)
        behind = a.rib_start + a.rib_slope * (1.5 * across**2.4 - arch)
        front = a.rib_start + 0.5 - a.rib_slope * (1.1 * across - 0.55 * across**3)
        wall = _edge(self.lateral + 0.03 - self.out, 0.012) * _edge(self.out - 0.07, 0.02)
        height = _edge(0.62 - self.y, 0.1)
        posterior = _bands((self.y - behind) / a.rib_spacing, 10, 0.2)
        anterior = _bands((self.y - front) / (1.12 * a.rib_spacing), 6, 0.23) * _edge(across - 0.45, 0.1)
        return wall * height * (0.085 * posterior + 0.04 * anterior)

    def _clavicles(self) -> np.ndarray:
        ridge = np.zeros_like(self.x)
        for side in (LEFT, RIGHT):
            inner, rise = self.anatomy.clavicle[side]
            along = np.clip((side * self.x - 0.07) / 0.78, 0, 1)
            centre = inner - rise * along - 0.035 * np.sin(2 * np.pi * along)
            distance = np.abs(self.y - centre) / (0.034 - 0.008 * along)
            ends = _edge(side * self.x - 0.07, 0.012) * _edge(0.86 - side * self.x, 0.03)
            ridge += ends * _edge(1 - distance, 0.12) * (0.75 + 0.35 * np.clip(distance, 0, 1) ** 2)
        return ridge

    def _spine(self) -> np.ndarray:
        """A column of vertebrae, seen through the mediastinum: bodies, with thinner discs between them."""
        column = _edge(0.07 - np.abs(self.x), 0.016)
        bodies = 0.5 + 0.5 * np.cos(2 * np.pi * (self.y - self.anatomy.rib_start) / self.anatomy.rib_spacing)
        return column * (0.6 + 0.4 * np.clip(1.6 * bodies, 0, 1))

    def _vessels(self) -> np.ndarray:
        """Vessels that fan out from the roots of the lungs and thin out on the way, over a hazy root."""
        dx, dy = self.out - 0.16, self.y + 0.02
        radius, angle = np.hypot(dx, dy), np.arctan2(dy, dx)
        vessels = self.anatomy.vessels.astype(np.float32)
        drawn = 0.75 * np.exp(-((dx / 0.1) ** 2) - (dy / 0.2) ** 2)
        for side in (LEFT, RIGHT):
            rows = np.flatnonzero((self.side == side).any(axis=0))
            here = slice(rows[0], rows[-1] + 1)  # columns; the side itself is told by the sign of x
            on_side = self.side[:, here] == side
            far, turned = radius[:, here], angle[:, here]
            for vessel in vessels[vessels[:, 0] == side]:
                _, direction, bend, length, thickness, strength = vessel
                reach = np.clip(1 - far / length, 0, 1)
                away = (turned - direction - bend * far) * far
                width = thickness * (0.35 + 0.65 * reach)
                ridge = strength * np.sqrt(reach) * np.exp(-((away / width) ** 2))
                np.maximum(drawn[:, here], ridge * on_side, out=drawn[:, here])
        return drawn


def _edge(distance: np.ndarray, softness: float) -> np.ndarray:
    """0 outside (negative distance), 1 inside, with a soft step of the given width."""
    return 0.5 + 0.5 * np.tanh(distance * np.float32(1 / softness))


def _bands(phase: np.ndarray, count: int, half_width: float) -> np.ndarray:
    """Bands centred on 0, 1, ..., count-1: bright, with brighter rims, as a tube of bone looks."""
    nearest = np.clip(np.rint(phase), 0, count - 1)
    distance = np.abs(phase - nearest) / np.float32(half_width)
    return _edge(1 - distance, 0.22) * (0.7 + 0.45 * np.clip(distance, 0, 1) ** 3)
