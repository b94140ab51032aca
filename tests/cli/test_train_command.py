"""`coronet train` and `coronet data check` from command line to run folder, messages and exit status."""

from __future__ import annotations

import pytest

from cli.main import main


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
