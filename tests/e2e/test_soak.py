"""Everything at once, for twenty seconds; `python -m benchmarks.soak` does it for ten minutes and watches memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.soak import Traffic, known_answers, worker_pids

ROOT = Path(__file__).parents[2]


def test_twenty_seconds_of_everything(server, artefact_dir):
    workers = worker_pids(server)
    traffic = Traffic(known_answers(artefact_dir))
    memory = traffic.run(server, 20)
    print(f"\n{dict(traffic.counts)}")
    assert traffic.wrong == []
    assert traffic.unexplained == []
    assert traffic.good()
    assert traffic.counts["refused: InvalidImage"]
    assert traffic.counts["refused: UnsupportedImage"]
    assert worker_pids(server) == workers
    assert all(sample["workers_mb"] > 0 and sample["java_mb"] > 0 for sample in memory)


@pytest.mark.slow
def test_two_minutes_with_the_shipped_model(tmp_path):
    command = [sys.executable, "-m", "benchmarks.soak", "--minutes", "2", "--out", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=False)  # its status judges memory too, for which two minutes are too few
    result = json.loads((tmp_path / "result.json").read_text())
    assert (result["wrong"], result["unexplained"], result["workers_lost"]) == ([], [], 0)
    assert result["counts"]["explanations"] > 0
