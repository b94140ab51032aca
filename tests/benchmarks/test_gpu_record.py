"""The GPU benchmark keeps what it has found, whatever happens to a section."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
import torch
from rich.console import Console

from benchmarks.gpu_record import Record, Row
from model_src.networks.coronet import CoroNet


@pytest.fixture
def record(random_chain: CoroNet, tmp_path: Path) -> Record:
    return Record(
        coronet=random_chain,
        device=torch.device("cpu"),
        image_size=32,
        batches=[1],
        large_size=32,
        large_batches=[1],
        rounds=3,
        ends=time.monotonic() + 60,
        out=tmp_path / "kept" / "gpu.json",
        console=Console(quiet=True),
    )


def _kept(record: Record) -> dict:
    assert record.out is not None
    return json.loads(record.out.read_text())


def test_a_section_that_fails_keeps_its_rows_and_harms_no_other(record: Record) -> None:
    def fails(record: Record, rows: list[Row]) -> None:
        record.add(rows, {"batch": 1, "ms": 2.5})
        assert _kept(record)["first"]["rows"] == [{"batch": 1, "ms": 2.5}]  # a run cut here would have it
        raise RuntimeError("no such kernel")

    record.section("first", fails)
    record.section("second", lambda record, rows: record.add(rows, {"batch": 64}))
    kept = _kept(record)
    assert kept["first"]["rows"] == [{"batch": 1, "ms": 2.5}]
    assert "RuntimeError: no such kernel" in kept["first"]["error"]
    assert kept["second"]["rows"] == [{"batch": 64}]
    assert "error" not in kept["second"]


def test_no_section_begins_when_the_time_is_over(record: Record) -> None:
    record.ends = time.monotonic() - 1
    record.section("late", lambda record, rows: record.add(rows, {"batch": 1}))
    assert _kept(record)["late"] == {"rows": [], "left_out": "no time left"}


def test_what_sections_share_is_made_once(record: Record) -> None:
    made: list[int] = []

    def make() -> int:
        made.append(1)
        return 7

    assert [record.once("engine", make), record.once("engine", make)] == [7, 7]
    assert len(made) == 1
