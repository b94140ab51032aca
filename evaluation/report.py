"""The report folder: metrics.json, per_image.csv, pictures, and report.html, which needs no other file."""

from __future__ import annotations

import io
import json
import platform
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure

from evaluation.abstention.study import AbstentionStudy
from evaluation.data_facts import DataFacts, class_table
from evaluation.evaluate import Evaluation
from evaluation.galleries import ExplanationPicture
from evaluation.maps.gallery import map_gallery
from evaluation.maps.study import MapStudy
from evaluation.page import render_page
from evaluation.paper import paper_facts
from evaluation.results import CSV_NAME, write_results
from evaluation.shortcuts import caveat, verdict
from model_src.atomic import atomic_directory, require_replaceable, require_writable
from model_src.classes import RESEARCH_USE
from model_src.errors import DataError

FORMAT_VERSION = 1
KIND = "coronet evaluation"
METRICS_NAME = "metrics.json"
PAGE_NAME = "report.html"
_DPI = 130


def check_target(directory: Path) -> None:
    """Whether a report may be written to `directory`; asked before the long work.

    Raises:
        OutputError: it cannot be written.
        DataError: it holds something that is not an earlier report, which replacing it would delete.
    """
    require_writable(directory, "--out")
    require_replaceable(directory, "--out", "report")
    if not directory.exists() or (directory.is_dir() and not any(directory.iterdir())):
        return
    try:
        ours = json.loads((directory / METRICS_NAME).read_text(encoding="utf-8")).get("kind") == KIND
    except (OSError, ValueError, AttributeError):
        ours = False
    if not ours:
        raise DataError(f"{directory}: exists and is not an evaluation report; choose an empty or new folder for --out")
    for path in sorted(directory.iterdir()):
        if path.name not in (METRICS_NAME, PAGE_NAME, CSV_NAME) and path.suffix != ".png":
            raise DataError(f"{directory}: holds {path.name} beside an earlier report; move it or choose another --out")


def write_report(
    evaluation: Evaluation,
    data: DataFacts,
    figures: Mapping[str, Figure],
    explanations: Sequence[ExplanationPicture],
    directory: Path,
    *,
    maps: MapStudy | None = None,
    abstention: AbstentionStudy | None = None,
    command: Sequence[str],
) -> None:
    """Write the report as one folder; it appears whole or not at all and replaces an earlier report.

    Raises:
        OutputError, DataError: as `check_target`.
    """
    check_target(directory)
    pictures = {name: _png(figure) for name, figure in figures.items()}
    pictures |= {f"explanations_{e.method}": _png(e.figure) for e in explanations}
    if maps is not None and maps.boxed.films:
        pictures["maps"] = _png(map_gallery(maps, evaluation.classifier.image_size))
    facts = _facts(evaluation, data, maps, command)
    facts["abstention"] = None if abstention is None else abstention.as_json()
    page = render_page(evaluation, data, pictures, explanations, maps, abstention, facts)
    with atomic_directory(directory) as temporary:
        for name, content in pictures.items():
            (temporary / f"{name}.png").write_bytes(content)
        text = json.dumps(facts, indent=2, allow_nan=False, ensure_ascii=False)
        # A file's name need not be UTF-8; in JSON this is the escape that it would have there anyway.
        (temporary / METRICS_NAME).write_text(text + "\n", encoding="utf-8", errors="backslashreplace")
        write_results(evaluation.results, temporary / CSV_NAME)
        (temporary / PAGE_NAME).write_text(page, encoding="utf-8", errors="backslashreplace")


def _facts(evaluation: Evaluation, data: DataFacts, maps: MapStudy | None, command: Sequence[str]) -> dict[str, Any]:
    """metrics.json."""
    return {
        "kind": KIND,
        "format_version": FORMAT_VERSION,
        "research_use": RESEARCH_USE,
        "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "command": shlex.join(command),
        "versions": {
            "coronet": version("coronet-serve"),
            "torch": torch.__version__,
            "python": platform.python_version(),
        },
        "seed": evaluation.seed,
        "bootstrap_replicates": evaluation.replicates,
        "model": {"name": evaluation.classifier.name, **evaluation.classifier.provenance},
        "data": asdict(data) | {"classes": class_table(evaluation), "skipped": [asdict(s) for s in evaluation.skipped]},
        **evaluation.metrics.as_json(),
        "paper": paper_facts(evaluation.honest.paper),
        "subgroups": [group.as_json() for group in evaluation.subgroups],
        "honest": evaluation.honest.as_json(),
        "engine_check": evaluation.engine_check.as_json() if evaluation.engine_check else None,
        "maps": None if maps is None else maps.as_json(),
        "shortcuts": [result.as_json() for result in evaluation.shortcuts],
        "shortcut_verdict": verdict(evaluation.shortcuts),
        "caveat": caveat(evaluation.shortcuts, evaluation.metrics.overall["accuracy"]),
    }


def _png(figure: Figure) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=_DPI, metadata={"Software": None})
    return stream.getvalue()
