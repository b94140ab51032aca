"""The `handler:` section of model-config.yaml."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from handlers.limits import Limits
from handlers.worker_settings import WorkerSettings
from model_src.engines.settings import EngineSettings
from model_src.errors import ArtefactError

ROOT = Path(__file__).resolve().parents[2]


def test_defaults_and_settings():
    assert WorkerSettings.from_config(None) == WorkerSettings(Limits(), EngineSettings("auto", "auto"))
    assert WorkerSettings.from_config({"max_instances": 3}).limits == Limits(max_instances=3)
    chosen = WorkerSettings.from_config({"engine": "torchscript", "precision": "bfloat16"}).engine
    assert chosen == EngineSettings("torchscript", "bfloat16")


@pytest.mark.parametrize(
    "section",
    [
        {"max_instance": 3},
        {"max_instances": "3"},
        {"explain_seconds": 0},
        {"max_instances": True},
        {"engine": "onnx"},
        {"precision": 16},
        [1],
    ],
)
def test_wrong_settings_are_refused(section):
    with pytest.raises(ArtefactError, match=r"model-config\.yaml: handler: .*found .*need ") as caught:
        WorkerSettings.from_config(section)
    assert "\n" not in str(caught.value)


def test_a_refusal_names_the_setting_and_what_it_takes():
    with pytest.raises(ArtefactError) as caught:
        WorkerSettings.from_config({"max_pixels": 0})
    assert str(caught.value) == "model-config.yaml: handler: max_pixels: found 0, need a positive integer"


def test_limits_fit_the_servers():
    config = yaml.safe_load((ROOT / "archive" / "model-config.yaml").read_text())
    properties = dict(
        line.split("=", 1)
        for line in (ROOT / "config.properties").read_text().splitlines()
        if "=" in line and line[0] != "#"
    )
    settings = WorkerSettings.from_config(config["handler"])
    assert settings == WorkerSettings.from_config(None)
    limits = settings.limits
    assert limits.max_answer_bytes < int(properties["max_response_size"])
