"""The model card's section on "I do not know"."""

from __future__ import annotations

import json
from pathlib import Path

from evaluation.abstention.figures import abstention_figures
from evaluation.abstention.outside import OutsideGroup
from evaluation.abstention.study import AbstentionStudy
from evaluation.card.render import render_card
from evaluation.intervals import rate, resampled
from model_src.calibration.judge import Judge
from model_src.calibration.judgement import Judgement
from model_src.calibration.reliability import Band
from tests.fixtures.calibrated import hand_set_calibration

PRETRAINED = Path(__file__).parents[3] / "archive" / "pretrained"


def test_the_section_says_coverage_and_what_is_outside(make_results) -> None:
    judgements = [Judgement({"90": (0,), "95": (0, 1)}, Band(0.0, 1.0, 1, 1), None)] * 3
    figures = abstention_figures(
        list(zip(make_results([0, 0, 1], [0, 0, 0]), judgements, strict=True)), {"95": ["Healthy"]}
    )
    outside = [OutsideGroup("tuberculosis", resampled(0.9, 0.85, 0.93, 100), rate(40, 80))]
    study = AbstentionStudy(figures, outside, Judge(hand_set_calibration()).describe())
    metrics, run = (
        json.loads((PRETRAINED / name).read_text(encoding="utf-8")) for name in ("metrics.json", "run.json")
    )
    metrics["test"]["abstention"] = json.loads(json.dumps(study.as_json()))
    metrics.pop("trainings")  # of the shipped figures, not of these
    card = render_card(metrics, run, [], {"cin.pt": 1})
    assert "## It may say: I do not know" in card
    assert "From 100 Healthy, 80 Pneumonia, 12 COVID-19 validation films" in card
    assert (
        "| Healthy | all | 100.0% (34.2 to 100.0; 2 of 2) | 100.0% (34.2 to 100.0; 2 of 2) |\n| Pneumonia | all |"
        in card
    )
    assert "| COVID-19 | all | - | - |" in card
    assert "Every 95% set holds Healthy: too few validation films" in card
    assert "| tuberculosis | 0.900 (0.850 to 0.930) | 50.0% (39.3 to 60.7; 40 of 80) |" in card
