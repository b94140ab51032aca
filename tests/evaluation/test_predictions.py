"""Results per image: in order, streamed, and strict about what cannot be read."""

import hashlib
import os
from collections.abc import Generator
from typing import cast

import pytest
import torch

from evaluation import predictions
from evaluation.predictions import Skipped, decode_stream, predict_split
from model_src.errors import DataError, RunError
from model_src.networks.coronet import Classified


def test_each_image_has_its_truth_and_answer(centre_reader, write_images, tmp_path):
    examples = write_images([0, 1, 2, 1], shown=[0, 1, 2, 2], source="nih")
    folder = examples[0].path.parent
    results = predict_split(centre_reader, examples, [tmp_path, folder], batch_size=3)
    assert [(r.path, r.patient, r.source) for r in results] == [
        (f"{index:02d}.png", f"patient-{index}", "nih") for index in range(4)
    ]
    assert [r.truth for r in results] == [0, 1, 2, 1]
    assert [r.predicted for r in results] == [0, 1, 2, 2]
    assert [r.correct for r in results] == [True, True, True, False]
    assert results[3].probabilities == pytest.approx((0.1, 0.1, 0.8))
    assert (results[0].residual_healthy, results[0].residual_pneumonia) == (0.0, 0.0)
    assert results[0].sha256 == hashlib.sha256(examples[0].path.read_bytes()).hexdigest()[:16]
    assert any("too small" in warning for warning in results[0].warnings)


@pytest.mark.parametrize("batch_size", [1, 2, 7, 50])
def test_answers_do_not_depend_on_the_batch_size(centre_reader, write_images, batch_size):
    examples = write_images([0, 1, 2] * 3)
    seen = []
    results = predict_split(
        centre_reader, examples, [], batch_size=batch_size, each=lambda batch: seen.append(len(batch))
    )
    assert [r.predicted for r in results] == [0, 1, 2] * 3
    assert sum(seen) == 9
    assert max(seen) <= batch_size


def test_an_image_outside_every_root_keeps_its_whole_path(centre_reader, write_images, tmp_path):
    (example,) = write_images([0])
    (result,) = predict_split(centre_reader, [example], [tmp_path])
    assert result.path == example.path.as_posix()


def test_an_unreadable_image_is_named(centre_reader, write_images):
    examples = write_images([0, 1, 2])
    examples[1].path.write_bytes(b"not an image")
    with pytest.raises(DataError, match=r"01\.png: cannot be read .*--skip-unreadable"):
        predict_split(centre_reader, examples, [])


def test_unreadable_images_are_skipped_and_listed_when_asked(centre_reader, write_images):
    examples = write_images([0, 1, 2])
    examples[0].path.write_bytes(examples[0].path.read_bytes()[:40])
    examples[1].path.unlink()
    skipped: list[Skipped] = []
    results = predict_split(centre_reader, examples, [], skipped=skipped)
    assert [r.truth for r in results] == [2]
    assert [s.path for s in skipped] == [str(examples[0].path), str(examples[1].path)]
    assert "No such file" in skipped[1].reason


def test_nothing_readable_is_an_error(centre_reader, write_images):
    examples = write_images([0, 1])
    for example in examples:
        example.path.write_bytes(b"")
    with pytest.raises(DataError, match="none of the 2 images can be read"):
        predict_split(centre_reader, examples, [], skipped=[])


def test_a_model_that_answers_nan_is_refused_with_the_image(centre_reader, write_images, monkeypatch):
    def classify(x):
        probabilities = torch.full((len(x), 3), 1 / 3)
        probabilities[1, 0] = float("nan")
        return Classified(probabilities, None)

    monkeypatch.setattr(centre_reader, "classify", classify)
    with pytest.raises(RunError, match=r"01\.png: the model's probabilities are not numbers"):
        predict_split(centre_reader, write_images([0, 1, 2]), [])


def test_a_model_without_autoencoders_has_no_residuals(centre_reader, write_images, monkeypatch):
    answer = Classified(torch.tensor([[0.2, 0.3, 0.5]]), None)
    monkeypatch.setattr(centre_reader, "classify", lambda x: answer)
    (result,) = predict_split(centre_reader, write_images([2]), [])
    assert (result.residual_healthy, result.residual_pneumonia) == (None, None)


def test_only_a_few_images_are_decoded_ahead(write_images, monkeypatch):
    examples = write_images([0] * 60)
    started = []
    decode = predictions._decode

    def counted(example, image_size):
        started.append(example)
        return decode(example, image_size)

    monkeypatch.setattr(predictions, "_decode", counted)
    stream = decode_stream(examples, 16)
    first, _ = next(stream)
    assert first == examples[0]
    cast(Generator[object], stream).close()
    assert len(started) <= 2 * len(os.sched_getaffinity(0)) + 1
