"""Who waits has more time than what it waits for; and what cannot compute says the same numbers."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from cli.main import parse
from handlers.limits import Limits
from launcher.torchserve_config import read_properties
from launcher.worker_pools import choose_pools
from model_src import time_limits as limits

ROOT = Path(__file__).parents[2]


def test_a_worker_is_taken_for_dead_only_when_its_longest_work_must_be_done():
    predictions, explanations = choose_pools(cores=2, gpus=0)
    # an explanation that had just begun when the one before it ended, then 64 images of 4 megapixels
    assert predictions.response_timeout > 2 * limits.EXPLANATION_BESIDE_PREDICTIONS + limits.PREDICTION
    assert explanations.response_timeout > 2 * limits.EXPLANATION
    (both,) = choose_pools(cores=2, gpus=0, explain_workers=0)
    assert both.response_timeout == explanations.response_timeout


def test_the_one_nearest_to_the_cause_speaks_first():
    assert limits.EXPLANATION_BESIDE_PREDICTIONS < limits.EXPLANATION < limits.EXPLAIN_PATIENCE
    assert limits.PREDICT_RESPONSE < limits.PREDICT_PATIENCE
    assert limits.WORKER_START < limits.SERVER_START
    assert sum(limits.RETRY_WAITS) > limits.DRAIN  # a patient caller outlasts a server that lets go of its requests


def test_the_figures_that_documents_have_always_named():
    assert (limits.EXPLANATION, limits.EXPLAIN_RESPONSE, limits.PREDICT_RESPONSE) == (600, 1800, 240)
    assert (limits.EXPLAIN_PATIENCE, limits.PREDICT_PATIENCE) == (900, 300)
    assert (limits.WORKER_START, limits.SERVER_START) == (300, 600)


def test_the_archives_configuration_says_the_same():
    config = yaml.safe_load((ROOT / "archive" / "model-config.yaml").read_text())
    assert config["handler"]["explain_seconds"] == limits.EXPLANATION == Limits().explain_seconds
    assert config["responseTimeout"] == limits.EXPLAIN_RESPONSE
    assert config["startupTimeout"] == limits.WORKER_START


def test_keys_outlive_a_start():
    life = int(read_properties(ROOT / "config.properties")["token_expiration_min"])
    assert 60 * life > limits.SERVER_START


def test_the_commands_wait_as_long_as_said():
    assert parse(["predict", "x.png"]).timeout == limits.PREDICT_PATIENCE
    assert parse(["explain", "x.png", "--out", "x"]).timeout == limits.EXPLAIN_PATIENCE
    assert parse(["ready"]).timeout == limits.READY_PATIENCE


NAMED = {
    "seconds until a silent explanation worker is ended": limits.EXPLAIN_RESPONSE,
    "seconds that explanations may take by estimate": limits.EXPLANATION,
    "seconds until a silent prediction worker is ended": limits.PREDICT_RESPONSE,
    "seconds that `coronet explain` waits for an answer": limits.EXPLAIN_PATIENCE,
    "seconds that `coronet predict` waits for an answer": limits.PREDICT_PATIENCE,
    "seconds for one worker to load": limits.WORKER_START,
    "seconds for `coronet serve` to start": limits.SERVER_START,
    "seconds for requests in progress at a stop": limits.DRAIN,
}


@pytest.mark.parametrize(("meaning", "seconds"), NAMED.items())
def test_the_documents_table_says_the_same(meaning, seconds):
    table = (ROOT / "docs" / "reference" / "time-limits.md").read_text()
    assert f"| {seconds} | {meaning} |" in table
