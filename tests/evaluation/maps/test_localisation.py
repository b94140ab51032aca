"""Maps and regions of a few pixels, with figures that a person can count."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from evaluation.maps.localisation import (
    at_size,
    localise,
    otsu_threshold,
    overlap,
    precision_recall_area,
    share_inside,
)


@pytest.fixture
def region():
    """The left upper quarter of 4 x 4 pixels."""
    marked = np.zeros((4, 4), dtype=bool)
    marked[:2, :2] = True
    return marked


def test_the_region_itself_is_the_best_map(region):
    found = localise(region.astype(np.float32), region)
    assert (found.hit, found.overlap, found.precision_recall) == (True, 1.0, 1.0)


def test_its_opposite_is_the_worst_map(region):
    found = localise(1 - region.astype(np.float32), region)
    assert (found.hit, found.overlap) == (False, 0.0)
    assert found.precision_recall == pytest.approx(4 / 16)  # the region comes last: all 16 pixels for its 4


def test_a_map_twice_as_wide_as_the_region_overlaps_by_half(region):
    wide = np.zeros((4, 4), dtype=np.float32)
    wide[:2] = 1
    wide[3, 3] = 0.2
    found = localise(wide, region)
    assert found.overlap == pytest.approx(4 / 8)
    assert found.precision_recall == pytest.approx(4 / 8)  # all 8 pixels are tied


def test_an_empty_map_hits_nothing_and_has_the_precision_of_chance(region):
    found = localise(np.zeros((4, 4), dtype=np.float32), region)
    assert (found.hit, found.overlap) == (False, 0.0)
    assert found.precision_recall == pytest.approx(4 / 16)
    assert share_inside(np.zeros((4, 4), dtype=np.float32), region) is None


def test_share_inside_is_of_the_sum(region):
    heatmap = np.full((4, 4), 0.5, dtype=np.float32)
    assert share_inside(heatmap, region) == pytest.approx(4 / 16)
    heatmap[0, 0] = 1  # 0.5 more inside
    assert share_inside(heatmap, region) == pytest.approx(2.5 / 8.5)


def test_otsu_parts_two_groups_in_the_middle_of_the_gap():
    assert otsu_threshold(np.array([[0.0, 0.1, 0.1], [0.9, 0.9, 1.0]])) == pytest.approx(0.5, abs=0.01)
    assert otsu_threshold(np.full((2, 2), 0.3)) == pytest.approx(0.3)
    faint = np.array([[0, 2e-45], [0, 6e-45]], dtype=np.float32)  # among the smallest numbers there are
    assert 2e-45 < otsu_threshold(faint) < 6e-45


def test_precision_recall_area_is_scikit_learns():
    rng = np.random.default_rng(0)
    for _ in range(20):
        drawn = rng.integers(0, 5, (6, 6)) / 4  # with ties
        marked = rng.random((6, 6)) < 0.3
        marked[0, 0] = True
        wanted = average_precision_score(marked.ravel(), drawn.ravel())
        assert precision_recall_area(drawn, marked) == pytest.approx(wanted)


def test_overlap_of_nothing_is_none():
    nothing = np.zeros((2, 2), dtype=bool)
    assert overlap(nothing, nothing) == 0.0


def test_a_coarse_map_is_drawn_smoothly_at_the_films_size():
    drawn = at_size(np.array([[0.0, 1.0]], dtype=np.float32), (2, 4))
    np.testing.assert_allclose(drawn, [[0, 0.25, 0.75, 1]] * 2)
