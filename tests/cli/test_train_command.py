"""`coronet train` and `coronet data check` from command line to run folder, messages and exit status."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.main import main
from train.runs import train_run as train_run_module
from train.runs.run_folder import RunFolder


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train", "DATA", "--out", "RUN", "--seed", "-1"], "--seed must be at least 0"),
        (["train", "DATA", "--out", "RUN", "--recipe", "papers"], "invalid choice: 'papers'"),
        (["data", "check", "DATA", "--workers", "-1"], "--workers must be at least 1"),
        (["data", "check", "DATA", "--workers", "0"], "--workers must be at least 1"),
    ],
)
def test_wrong_usage_is_status_2(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert said in capsys.readouterr().err


def test_a_finished_run_without_its_figures_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(train_run_module, "train_run", lambda recipe, options: RunFolder(tmp_path))
    assert main(["train", "DATA", "--out", str(tmp_path), "--resume"]) == 0
    assert "its validation figures are lost" in capsys.readouterr().out
