"""Probes on small arrays, and models of which it is known whether they read the lungs or the frame."""

import numpy as np
import pytest
from PIL import Image

from evaluation.evaluate import evaluate
from evaluation.intervals import rate
from evaluation.probes import PROBES, working_size
from evaluation.shortcuts import caveat, verdict

BY_NAME = {probe.name: probe for probe in PROBES}


@pytest.fixture
def ramp():
    """20 x 30 pixels rising from 0 to 1."""
    return np.linspace(0, 1, 600, dtype=np.float32).reshape(20, 30)


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
@pytest.mark.parametrize("shape", [(20, 30), (8, 8), (300, 200)])
def test_every_probe_gives_pixels_in_range_and_leaves_its_input_alone(probe, shape):
    pixels = np.random.default_rng(0).random(shape, dtype=np.float32)
    before = pixels.copy()
    altered = probe.alter(pixels)
    assert altered.dtype == np.float32
    assert altered.ndim == 2
    assert 0 <= altered.min() <= altered.max() <= 1
    assert (pixels == before).all()
    assert not np.shares_memory(altered, pixels) or probe.name == "lung_crop"


def test_border_and_centre_are_exact_complements(ramp):
    masked, kept = BY_NAME["borders_masked"].alter(ramp), BY_NAME["border_only"].alter(ramp)
    inside = np.zeros(ramp.shape, dtype=bool)
    inside[2:-2, 3:-3] = True  # a tenth of 20 and of 30
    median = np.median(ramp)
    assert (masked[inside] == ramp[inside]).all()
    assert (masked[~inside] == median).all()
    assert (kept[~inside] == ramp[~inside]).all()
    assert (kept[inside] == median).all()


def test_only_the_corners_are_masked(ramp):
    changed = BY_NAME["corners_masked"].alter(ramp) != ramp
    expected = np.zeros(ramp.shape, dtype=bool)
    for rows in (slice(0, 4), slice(16, 20)):  # 22% of 20
        for columns in (slice(0, 7), slice(23, 30)):  # 22% of 30
            expected[rows, columns] = True
    assert (changed == expected).all()


def test_the_crop_is_the_centre(ramp):
    assert (BY_NAME["lung_crop"].alter(ramp) == ramp[3:17, 3:27]).all()  # 70% of 20 and 80% of 30


def test_gray_values_stay_and_shapes_go():
    pixels = np.random.default_rng(0).random((9, 7), dtype=np.float32)
    altered = BY_NAME["histogram_only"].alter(pixels)
    assert (np.sort(altered, axis=None) == np.sort(pixels, axis=None)).all()
    assert (np.diff(altered.reshape(-1)) >= 0).all()


def test_equalising_gives_dark_and_bright_versions_of_an_image_the_same_pixels():
    pixels = np.random.default_rng(0).integers(0, 100, (64, 64))
    dark, bright = ((values / 255).astype(np.float32) for values in (pixels, pixels + 100))
    alter = BY_NAME["equalised"].alter
    assert (alter(dark) == alter(bright)).all()
    assert alter(dark).max() > 0.9


def test_coarse_keeps_blocks_and_loses_what_is_finer():
    checks = np.tile(np.array([[0, 1], [1, 0]], dtype=np.float32), (128, 128))  # 256 x 256: a block is 2 x 2
    assert BY_NAME["coarse"].alter(checks) == pytest.approx(np.full((128, 128), 0.5))


def test_large_images_are_reduced_before_probing():
    assert working_size(np.zeros((2048, 1000), dtype=np.float32)).shape == (1024, 500)
    small = np.zeros((10, 20), dtype=np.float32)
    assert working_size(small) is small


def _probed(reader, examples):
    evaluation = evaluate(reader, examples, [], batch_size=4, replicates=100, probe_shortcuts=True)
    assert evaluation.metrics.overall["accuracy"].value == 1.0
    return {result.probe.name: result for result in evaluation.shortcuts}, verdict(evaluation.shortcuts)


def test_a_model_that_reads_the_centre_keeps_its_answers_until_the_centre_goes(centre_reader, write_images):
    # The same frame for all: otherwise the median that fills the masked centre would give the class away.
    examples = write_images([0, 1, 2] * 4)
    _frame_all(examples, 128)
    results, sentences = _probed(centre_reader, examples)
    for name in ("borders_masked", "corners_masked", "jpeg", "coarse"):
        assert results[name].answers_kept.successes == 12, name
        assert results[name].change["accuracy"].value == 0
    assert results["border_only"].altered["accuracy"].value == pytest.approx(1 / 3)
    assert results["border_only"].altered["covid_roc_auc"].value == pytest.approx(0.5)
    assert results["border_only"].change["covid_sensitivity"].value == -1
    assert any("Only the border" in sentence and "0.50" in sentence for sentence in sentences)


def test_a_model_that_reads_the_border_is_found_out(border_reader, write_images):
    examples = write_images([0, 1, 2] * 4)
    _fill_centres(examples, 128)
    results, sentences = _probed(border_reader, examples)
    masked = results["borders_masked"]
    assert masked.altered["accuracy"].value == pytest.approx(1 / 3)
    assert masked.change["accuracy"].value == pytest.approx(-2 / 3)
    assert masked.change["accuracy"].high < 0
    assert results["border_only"].altered["accuracy"].value == 1.0
    assert results["border_only"].altered["covid_roc_auc"].value == 1.0
    assert any("leans on what that alteration takes away" in sentence for sentence in sentences)
    # Without the border all is gray, Pneumonia to this reader: no COVID-19 is found, and no other called so.
    crop = results["lung_crop"].altered
    assert (crop["covid_sensitivity"].successes, crop["covid_sensitivity"].total) == (0, 4)
    assert (crop["covid_false_alarms"].successes, crop["covid_false_alarms"].total) == (0, 8)
    first = caveat(list(results.values()), rate(12, 12))
    assert first.startswith(
        "Cropped to the lungs, this model gets 33.3% of the images right (13.8 to 60.9%) instead of"
    )
    assert "rests on what lies around the lungs" in first


def test_others_called_covid_are_counted(make_centre_reader, write_images):
    examples = write_images([0, 0, 2, 2])
    evaluation = evaluate(make_centre_reader(), examples, [], replicates=50, probe_shortcuts=True)
    for result in evaluation.shortcuts:
        assert result.altered["covid_false_alarms"].total == 2
        assert result.altered["balanced_accuracy"].value is None
        assert result.change["covid_false_alarms"].value is not None


def test_a_check_that_was_not_made_is_the_first_thing_said():
    assert caveat([], rate(12, 12)).startswith("Not checked: whether this model reads lungs")


def _frame_all(examples, gray):
    """Paint all but the centre of every image gray."""
    _repaint(examples, lambda pixels: _around(pixels, gray))


def _fill_centres(examples, gray):
    """Paint all but the outermost row and column of every image gray."""

    def fill(pixels):
        pixels[1:-1, 1:-1] = gray
        return pixels

    _repaint(examples, fill)


def _around(pixels, gray):
    centre = pixels[5:11, 5:11].copy()
    pixels[:] = gray
    pixels[5:11, 5:11] = centre
    return pixels


def _repaint(examples, change):
    for example in examples:
        with Image.open(example.path) as image:
            pixels = np.array(image)
        Image.fromarray(change(pixels)).save(example.path)
