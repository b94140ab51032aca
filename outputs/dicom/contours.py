"""Outlines of where a map is high: marching squares, with straight lines between the cells' centres."""

from __future__ import annotations

import numpy as np

# Of a square of four samples (top left 8, top right 4, bottom right 2, bottom left 1; set where high): from which side
# to which the outline runs, with what is high on its left.
_TURNS: dict[int, tuple[str, ...]] = {
    8: ("LT",), 4: ("TR",), 2: ("RB",), 1: ("BL",),
    7: ("TL",), 11: ("RT",), 13: ("BR",), 14: ("LB",),
    12: ("LR",), 6: ("TB",), 3: ("RL",), 9: ("BT",),
}  # fmt: skip
# Two opposite corners are high: joined where the middle is high too, else apart.
_JOINED = {10: ("RT", "LB"), 5: ("TL", "BR")}
_APART = {10: ("LT", "RB"), 5: ("TR", "BL")}

_Side = tuple[int, int, bool]  # row and column of its first sample; whether it goes down


def outlines(values: np.ndarray, level: float, shape: tuple[int, int]) -> list[np.ndarray]:
    """Closed lines around what is at least `level` in a map (h, w), float64 (N, 2) each: x and y, first = last.

    They are in pixels of the film of `shape` (H, W): 0, 0 is the outer corner of its first pixel, W, H that of its
    last. `level` is above 0. A region at an edge is closed along that edge. The largest area comes first.
    """
    # To the edges the map goes on as it is; beyond them there is nothing.
    padded = np.pad(np.pad(values.astype(np.float64), 1, mode="edge"), 1)
    ys, xs = (_positions(cells, side) for cells, side in zip(values.shape, shape, strict=True))
    following = _sides(padded, level)
    found = []
    while following:
        start, side = next(iter(following.items()))
        line = [start]
        del following[start]
        while side != start:
            line.append(side)
            side = following.pop(side)
        found.append(np.array([_crossing(padded, level, xs, ys, each) for each in [*line, start]]))
    return sorted(found, key=_area, reverse=True)


def _positions(cells: int, side: int) -> np.ndarray:
    """Where the samples of the padded map lie along a side: twice at each edge, between them the cells' centres."""
    return np.array([0, 0, *((np.arange(cells) + 0.5) * side / cells), side, side])


def _sides(values: np.ndarray, level: float) -> dict[_Side, _Side]:
    """Each side of a square that an outline crosses -> the one that it crosses next."""
    high = values >= level
    squares = 8 * high[:-1, :-1] + 4 * high[:-1, 1:] + 2 * high[1:, 1:] + high[1:, :-1]
    following = {}
    for row, column in np.argwhere((squares > 0) & (squares < 15)).tolist():
        square = int(squares[row, column])
        if square in _JOINED:
            joined = values[row : row + 2, column : column + 2].mean() >= level
            turns: tuple[str, ...] = _JOINED[square] if joined else _APART[square]
        else:
            turns = _TURNS[square]
        sides = {
            "T": (row, column, False),
            "B": (row + 1, column, False),
            "L": (row, column, True),
            "R": (row, column + 1, True),
        }
        for turn in turns:
            following[sides[turn[0]]] = sides[turn[1]]
    return following


def _crossing(values: np.ndarray, level: float, xs: np.ndarray, ys: np.ndarray, side: _Side) -> tuple[float, float]:
    """Where a side has the level."""
    row, column, down = side
    end = (row + 1, column) if down else (row, column + 1)
    part = (level - values[row, column]) / (values[end] - values[row, column])
    x, y = xs[column] + part * (xs[end[1]] - xs[column]), ys[row] + part * (ys[end[0]] - ys[row])
    return float(x), float(y)


def _area(line: np.ndarray) -> float:
    """That a closed line surrounds (shoelace formula)."""
    x, y = line.T
    return abs(float(np.dot(x[:-1], y[1:]) - np.dot(x[1:], y[:-1]))) / 2
