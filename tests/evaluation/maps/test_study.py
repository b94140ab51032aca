"""A study of maps that are known: a perfect one, one that is always wrong, and the references."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from evaluation.maps import study
from evaluation.maps.films import Chosen, MarkedFilm, choose_films
from evaluation.maps.gallery import map_gallery
from evaluation.maps.marks import Box, Marks
from evaluation.maps.options import MapOptions, open_marks
from evaluation.maps.references import box_prior, centre_map, overlapping_boxes, random_map
from evaluation.maps.study import study_maps
from evaluation.maps.wording import map_table, remarks
from explanations import Attribution
from model_src.errors import DataError, InvalidRequest

SIZE = 16


@pytest.fixture
def films(tmp_path, make_results):
    """Six pneumonias, boxes in the left upper or the right lower corner in turn; each a patient of its own."""
    results = make_results([1] * 6, [1] * 6)
    chosen = []
    for index, result in enumerate(results):
        file = tmp_path / result.path
        Image.fromarray(np.full((SIZE, SIZE), 30 * index + 10, np.uint8)).save(file)
        region = np.zeros((SIZE, SIZE), dtype=bool)
        region[:4, :4] = True
        region = region if index % 2 == 0 else region[::-1, ::-1].copy()
        chosen.append(MarkedFilm(result, file, torch.zeros(1, SIZE, SIZE), region))
    return chosen


@pytest.fixture
def boxes(films):
    corners = (Box(0, 0, 4, 4), Box(12, 12, 4, 4))
    return {film.file.resolve(): [corners[index % 2]] for index, film in enumerate(films)}


@pytest.fixture
def perfect(monkeypatch):
    """Saliency draws the region itself; every other method the opposite corner."""

    def explain(network, films, options, what):
        return [
            Attribution(
                (film.region if options.method == "saliency" else film.region[::-1]).astype(np.float32),
                "1 = matters", 1, film.label, 0.8, 0.1, 0.2, 0.8, np.zeros((3, SIZE, SIZE), np.float32),
            )
            for film in films
        ]  # fmt: skip

    monkeypatch.setattr(study, "explain_films", explain)


def test_figures_have_counts_and_intervals(films, boxes, perfect):
    prior = np.pad(np.ones((4, 4), np.float32), ((0, 12), (0, 12)))  # right for every second film
    found = study_maps(
        None, ["saliency", "grad_cam"], boxed=Chosen("boxes", 9, 8, films), boxes=boxes, prior=prior, seed=0
    )
    best = found.methods["saliency"]
    assert (best.hit.successes, best.hit.total, best.hit.value) == (6, 6, 1.0)
    assert best.hit.low < 1  # all films agree, and still nothing is certain
    assert best.overlap.value == 1
    assert found.methods["grad_cam"].hit.value == 0
    half = found.references["box prior"]
    assert (half.hit.successes, half.overlap.value) == (3, 0.5)
    assert half.hit.low < 0.5 < half.hit.high
    above = found.above["saliency"]["box prior"]
    assert above["hit"].value == 0.5
    assert above["hit"].low < 0.5 < above["hit"].high
    assert above["overlap"].value == pytest.approx(0.5)
    assert best.inside.value is None
    facts = found.as_json()
    assert facts["films_with_boxes"] == {"marked": 9, "told_rightly": 8, "measured": 6}
    assert facts["methods"]["saliency"]["above"]["centre"]["hit"]["value"] == 1.0
    assert "9 films with boxes, 8 of them told rightly, 6 of those (6 patients) measured." in remarks(found)
    assert map_table(found).row_count == 5
    assert len(map_gallery(found, SIZE).axes) == 6 * 3


def test_films_of_one_patient_make_intervals_wider(films, boxes, perfect, make_results):
    prior = np.pad(np.ones((4, 4), np.float32), ((0, 12), (0, 12)))
    apart = study_maps(None, [], boxed=Chosen("boxes", 6, 6, films), boxes=boxes, prior=prior)
    results = make_results([1] * 6, [1] * 6, ["even", "odd"] * 3)
    alike = [MarkedFilm(r, f.file, f.x, f.region) for r, f in zip(results, films, strict=True)]
    together = study_maps(None, [], boxed=Chosen("boxes", 6, 6, alike), boxes=boxes, prior=prior)
    wide, narrow = (s.references["box prior"].overlap for s in (together, apart))
    assert wide.high - wide.low > narrow.high - narrow.low


def test_shares_inside_the_lungs_by_class(films, perfect):
    found = study_maps(None, ["saliency", "grad_cam"], lunged=Chosen("lung masks", 6, 6, films))
    assert found.methods["saliency"].inside.value == 1
    assert found.methods["grad_cam"].inside_of["Pneumonia"].value == 0
    assert set(found.methods["saliency"].inside_of) == {"Pneumonia"}
    assert found.references["random"].inside.value == pytest.approx(16 / 256, abs=0.03)
    assert map_table(found).row_count == 4


def test_only_films_told_rightly_are_chosen(films, make_results, boxes):
    results = make_results([1] * 6, [1, 0, 1, 2, 1, 0])
    marks = Marks("boxes", boxes)
    chosen = choose_films(results, [film.file for film in films], marks, SIZE, 2, seed=3)
    assert (chosen.marked, chosen.told_rightly, len(chosen.films)) == (6, 3, 2)
    assert all(film.result.correct for film in chosen.films)
    assert all(film.region[:4, :4].all() for film in chosen.films)
    again = choose_films(results, [film.file for film in films], marks, SIZE, 2, seed=3)
    assert [film.name for film in chosen.films] == [film.name for film in again.films]
    with pytest.raises(DataError, match="none of the 6 films with boxes is told rightly"):
        choose_films(make_results([1] * 6, [0] * 6), [film.file for film in films], marks, SIZE, 2, seed=3)


def test_marks_are_checked_before_anything_is_explained(films, tmp_path):
    files = [film.file for film in films]
    table = tmp_path / "boxes.csv"
    table.write_text(f"path,x,y,width,height\n{files[0].name},10,10,8,2\n")
    with pytest.raises(DataError, match="lies outside the film of 16 x 16"):
        open_marks(MapOptions(boxes=table), files, [tmp_path], SIZE)
    with pytest.raises(DataError, match="none of the 5 films of this split has a box"):
        open_marks(MapOptions(boxes=table), files[1:], [tmp_path], SIZE)
    with pytest.raises(InvalidRequest, match="method: found 'magic'"):
        open_marks(MapOptions(boxes=table, methods=["magic"]), files, [tmp_path], SIZE)
    assert open_marks(MapOptions(), files, [tmp_path], SIZE) is None


def test_the_box_prior_is_the_mean_of_training_boxes(films, boxes):
    prior = box_prior(boxes, [film.file for film in films[:2]], seed=0)
    assert prior[0, 0] == prior[-1, -1] == 1  # one film each
    assert prior[0, -1] == 0
    assert box_prior(boxes, [Path("elsewhere")], seed=0) is None


def test_the_other_references():
    centre = centre_map()
    assert centre.max() == 1
    assert np.unravel_index(centre.argmax(), centre.shape) in {(13, 13), (13, 14), (14, 13), (14, 14)}
    np.testing.assert_allclose(centre, centre[::-1, ::-1])
    np.testing.assert_array_equal(random_map("a", 0), random_map("a", 0))
    assert (random_map("a", 0) != random_map("b", 0)).any()
    assert overlapping_boxes([Box(0, 0, 2, 2), Box(1, 0, 2, 2), Box(5, 5, 1, 1)]) == [pytest.approx(1 / 3)]
