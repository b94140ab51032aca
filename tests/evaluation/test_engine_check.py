"""An engine's answers beside the artefacts': the rule, worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from evaluation.classifiers import load_classifier
from evaluation.engine_check import EngineCheck, open_classifier
from evaluation.results import ImageResult
from model_src.engines.settings import EngineSettings
from model_src.errors import RunError
from train.stages.baselines import XrayResNet

ANSWER = ImageResult("a.png", "p", "s", 0, 0, (0.5, 0.4, 0.1), None, None, "ab", ())
REFERENCE = [ANSWER, ANSWER]
CPU = torch.device("cpu")


class Engine:
    name, precision = "openvino", "bfloat16"

    def classify(self, x):
        raise NotImplementedError


@pytest.mark.parametrize(
    ("probabilities", "predicted", "changed", "shift", "passed"),
    [
        ((0.5, 0.4, 0.1), 0, 0, 0.0, True),
        ((0.494, 0.404, 0.102), 0, 0, 0.006, True),
        ((0.48, 0.41, 0.11), 0, 0, 0.02, False),
        ((0.5, 0.4, 0.1), 1, 1, 0.0, False),
    ],
)
def test_no_label_may_change_and_no_probability_move_by_more_than_a_hundredth(
    probabilities, predicted, changed, shift, passed
):
    answers = [ANSWER, replace(ANSWER, probabilities=probabilities, predicted=predicted)]
    check = EngineCheck.of(Engine(), answers, REFERENCE)
    assert (check.images, check.changed_labels, check.passed) == (2, changed, passed)
    assert check.largest_shift == pytest.approx(shift)
    assert ("passed" in check.sentence) is passed
    assert check.as_json()["tolerance"] == 0.01


def test_the_servers_engine_predicts_like_the_artefacts(artefact_dir):
    loaded = load_classifier(artefact_dir, CPU)
    served = open_classifier(loaded, EngineSettings("openvino"))
    x = torch.rand(2, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(served.classify(x).probabilities, loaded.classify(x).probabilities, atol=1e-5)
    assert served.name.endswith(", openvino float32")
    assert (served.provenance["engine"], served.provenance["precision"]) == ("openvino", "float32")


def test_a_baseline_has_no_engine(artefact_dir):
    loaded = replace(load_classifier(artefact_dir, CPU), model=XrayResNet("resnet18"))
    with pytest.raises(RunError, match="leave --engine out"):
        open_classifier(loaded, EngineSettings("openvino"))
