"""Phantoms: what a class is, what it must not change."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import label as connected

from model_src.classes import COVID, HEALTHY, PNEUMONIA
from model_src.errors import DataError
from phantoms.generate import make_phantom

SEEDS = range(12)


@pytest.mark.parametrize("size", [16, 50, 96])
def test_shapes_and_types_at_any_size(size: int) -> None:
    phantom = make_phantom(COVID, 3, size)
    assert (phantom.image.shape, phantom.image.dtype) == ((size, size), np.uint8)
    assert (phantom.lesion_mask.shape, phantom.lesion_mask.dtype) == ((size, size), np.bool_)
    assert np.ptp(phantom.image) > 150  # a film has black and white


def test_the_same_three_numbers_give_the_same_picture() -> None:
    first, again = make_phantom(COVID, 5, 48), make_phantom(COVID, 5, 48)
    assert np.array_equal(first.image, again.image)
    assert np.array_equal(first.lesion_mask, again.lesion_mask)
    assert not np.array_equal(first.image, make_phantom(COVID, 6, 48).image)


def test_the_place_of_lesions_does_not_depend_on_the_size() -> None:
    for seed in SEEDS:
        small, large = (np.argwhere(make_phantom(PNEUMONIA, seed, s).lesion_mask).mean(0) / s for s in (64, 160))
        np.testing.assert_allclose(small, large, atol=0.03)


@pytest.mark.parametrize("label", [PNEUMONIA, COVID])
def test_only_lesions_tell_classes_apart(label: int) -> None:
    """One seed is one chest: it looks the same in every class but where a lesion is, give or take its halo."""
    for seed in SEEDS:
        healthy, ill = make_phantom(HEALTHY, seed, 64), make_phantom(label, seed, 64)
        change = ill.image.astype(int) - healthy.image
        far = np.ones((64, 64), bool)
        for y, x in np.argwhere(ill.lesion_mask):
            far[max(y - 12, 0) : y + 13, max(x - 12, 0) : x + 13] = False
        assert np.abs(change[far]).mean() < 3  # gray levels: scattered light only
        assert change[ill.lesion_mask].mean() > 15


def test_healthy_has_no_lesion() -> None:
    assert not any(make_phantom(HEALTHY, seed, 48).lesion_mask.any() for seed in SEEDS)


def test_pneumonia_is_in_one_lung_and_covid_in_both_and_nearer_the_wall() -> None:
    from_middle: dict[int, list[float]] = {PNEUMONIA: [], COVID: []}
    for seed in SEEDS:
        for label in from_middle:
            mask = make_phantom(label, seed, 96).lesion_mask
            in_lungs = mask[:, :48].sum(), mask[:, 48:].sum()
            assert max(in_lungs) >= 40
            assert (min(in_lungs) < 0.1 * max(in_lungs)) == (label == PNEUMONIA)
            from_middle[label].append(float(np.abs(np.argwhere(mask)[:, 1] - 47.5).mean()))
            if label == PNEUMONIA:
                assert connected(mask)[1] <= 2  # one opacity; a rib's edge may cut off a corner
    assert np.mean(from_middle[COVID]) > np.mean(from_middle[PNEUMONIA]) + 2


def test_brightness_alone_does_not_tell() -> None:
    means = [[make_phantom(label, 100 * label + n, 32).image.mean() for n in range(40)] for label in range(3)]
    spread = np.std(means)
    assert np.ptp([np.mean(m) for m in means]) < spread


@pytest.mark.parametrize(("label", "seed", "size"), [(3, 0, 64), (-1, 0, 64), (0, -1, 64), (0, 0, 15)])
def test_settings_out_of_range(label: int, seed: int, size: int) -> None:
    with pytest.raises(DataError, match="need"):
        make_phantom(label, seed, size)
