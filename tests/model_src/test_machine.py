"""What a machine is called, and where its cache is."""

from __future__ import annotations

from pathlib import Path

import pytest

from model_src.machine import cache_folder, processor

CPUINFO = """processor\t: 0
cpu family\t: 25
model\t\t: 17
model name\t: AMD EPYC (R) 9 @ 2.1
stepping\t: 1

processor\t: 1
model name\t: another
"""


def test_a_processor_is_named_by_model_and_stepping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    (tmp_path / "cpuinfo").write_text(CPUINFO)
    assert processor(tmp_path / "cpuinfo") == "x86-64-amd-epyc-r-9-2-1-25-17-1"
    assert processor(tmp_path / "none") == "x86-64"


def test_the_cache_is_where_the_user_wants_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "coronet"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_folder() == Path.home() / ".cache" / "coronet"
