"""Outlines by hand: a cell, an edge, corners that touch, a hole."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outputs.dicom.contours import outlines


def points(line: np.ndarray) -> set[tuple[float, float]]:
    return {(float(x), float(y)) for x, y in line}


def area(line: np.ndarray) -> float:
    x, y = line.T
    return float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1])) / 2


def test_one_cell_is_a_diamond_half_way_to_its_neighbours():
    values = np.zeros((3, 3))
    values[1, 1] = 1
    (line,) = outlines(values, 0.5, (30, 30))
    assert points(line) == {(15, 10), (20, 15), (15, 20), (10, 15)}  # centres of cells are at 5, 15, 25
    assert (line[0] == line[-1]).all()
    (line,) = outlines(values, 0.25, (30, 60))  # three quarters of the way; twice as wide
    assert points(line) == {(30, 7.5), (45, 15), (30, 22.5), (15, 15)}


def test_a_map_that_is_high_everywhere_is_outlined_at_the_films_edge():
    (line,) = outlines(np.ones((2, 5)), 0.5, (20, 70))
    assert line.min(axis=0).tolist() == [0, 0]
    assert line.max(axis=0).tolist() == [70, 20]
    assert abs(area(line)) == 1400


def test_a_corner_is_closed_along_both_edges():
    values = np.zeros((2, 2))
    values[0, 0] = 1
    (line,) = outlines(values, 0.5, (20, 20))
    # to the left and above, the map goes on as it is; half way to the neighbours it ends
    assert points(line) >= {(10, 5), (5, 10), (10, 0), (0, 10), (0, 0)}
    assert abs(area(line)) == 87.5  # a square of 10 less the corner between (10, 5) and (5, 10)


@pytest.mark.parametrize(("middle", "lines"), [(0.6, 1), (0.0, 2)])
def test_cells_that_touch_at_a_corner_are_one_where_the_middle_is_high(middle, lines):
    values = np.full((4, 4), 0.0)
    values[1, 1] = values[2, 2] = 1
    values[1, 2] = values[2, 1] = middle * 0.8  # 0.48: below the level; the mean of four is (2 + 0.96) / 4 = 0.74
    assert len(outlines(values, 0.5 if lines == 1 else 0.51, (40, 40))) == lines


def test_a_hole_runs_the_other_way_round_and_the_largest_comes_first():
    values = np.ones((5, 5))
    values[2, 2] = 0
    outer, hole = outlines(values, 0.5, (50, 50))
    assert abs(area(outer)) == 2500
    assert area(outer) * area(hole) < 0


def test_nothing_high_has_no_outline():
    assert outlines(np.zeros((4, 4)), 0.5, (40, 40)) == []


@given(st.integers(1, 6), st.integers(1, 6), st.data())
def test_every_map_has_closed_outlines_within_the_film(rows, columns, data):
    cells = data.draw(st.lists(st.sampled_from([0, 0.25, 0.5, 1]), min_size=rows * columns, max_size=rows * columns))
    values = np.array(cells, dtype=np.float32).reshape(rows, columns)
    found = outlines(values, 0.5, (31, 17))
    assert bool(found) == bool((values >= 0.5).any())
    for line in found:
        assert (line[0] == line[-1]).all()
        assert (line >= 0).all()
        assert (line <= [17, 31]).all()
