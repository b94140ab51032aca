"""The card's text. A section is a file of `sections/`, in the order of their names; an empty one is left out.

A section sees `m` (the evaluation of the published weights: metrics.json's `test`), `metrics` (all of metrics.json),
`run` (run.json), `history` (rows of history.csv), `classes`, `files` (weights file -> bytes), `certificate` (method ->
its four tests in words), `trainings` (of each model; `own` are those of the published one: trainings.py) and
`collections` (beside.py). What an older evaluation did not measure is undefined, which counts as false.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import jinja2

from evaluation.card.beside import collections
from evaluation.card.trainings import Trainings, spread, trainings
from evaluation.intervals import Estimate
from evaluation.prevalence import PREVALENCES, ppv_at
from evaluation.wording import Unit, change, interval, number, sentence
from model_src.classes import CLASS_NAMES
from model_src.errors import RunError
from model_src.file_digest import file_digest
from train.runs.run_folder import RunFolder

SECTIONS = Path(__file__).parent / "sections"
_ESTIMATE = {field.name for field in fields(Estimate)}


def card_of(folder: Path) -> str:
    """The card of a published run.

    Raises:
        RunError: `folder` is no run, has no evaluation, or one of other weights.
    """
    run = RunFolder(folder)
    record, metrics = run.record(), run.read_metrics()
    evaluated = metrics.get("test")
    if not isinstance(evaluated, Mapping):
        raise RunError(
            f"{folder}: metrics.json has no evaluation; add one with: python -m train.runs.publish RUN_DIR {folder} "
            "--report REPORT_DIR"
        )
    weights = sorted(folder.glob("*.pt"))
    digests = {path.name: file_digest(path) for path in weights}
    if evaluated.get("model", {}).get("sha256") != digests:
        raise RunError(f"{folder}: metrics.json has an evaluation of other weights; evaluate these and add the report")
    files = {path.name: path.stat().st_size for path in weights}
    certificate = run.certificate()
    return render_card(metrics, record.as_dict(), run.history(), files, certificate.lines() if certificate else {})


def render_card(
    metrics: Mapping[str, Any],
    run: Mapping[str, Any],
    history: Sequence[Mapping[str, str]],
    files: Mapping[str, int],
    certificate: Mapping[str, str] | None = None,
) -> str:
    """The card, from what the module's text says."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(SECTIONS), autoescape=False, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "percent": partial(_shown, number, "percent"),
        "share": partial(_shown, number, "share"),
        "ends": lambda e, unit: _shown(interval, unit, e) or "-",
        "change": lambda e, unit: _shown(change, unit, e),
        "count": _count,
        "cell": _cell,
        "sentence": sentence,
        "thousands": "{:,}".format,
    }
    environment.globals |= {"ppv_at": _ppv_at, "ppv_over": _ppv_over, "prevalences": PREVALENCES}
    trained = trainings(metrics)
    context = {
        "m": metrics["test"],
        "metrics": metrics,
        "run": run,
        "history": history,
        "classes": CLASS_NAMES,
        "files": files,
        "certificate": certificate,
        "trainings": trained,
        "own": trained[0],
        "collections": collections(metrics),
    }
    texts = [environment.get_template(path.name).render(context).strip() for path in sorted(SECTIONS.glob("*.md.j2"))]
    return "\n\n".join(text for text in texts if text) + "\n"


def _estimate(found: Mapping[str, Any]) -> Estimate:
    """An estimate as metrics.json has it; what is left out is not known."""
    known = {"value": None, "low": None, "high": None, "successes": None, "total": 0, "interval": "", "note": ""}
    return Estimate(**known | {name: value for name, value in found.items() if name in _ESTIMATE})


def _shown(write: Any, unit: Unit, found: Mapping[str, Any]) -> str:
    return str(write(_estimate(found), unit))


def _count(found: Mapping[str, Any]) -> str:
    """ "76 of 80" for a rate, else how many films."""
    estimate = _estimate(found)
    return f"{estimate.total:,}" if estimate.successes is None else f"{estimate.successes:,} of {estimate.total:,}"


def _cell(found: Mapping[str, Any] | None, unit: Unit) -> str:
    """ "93.5% (92.3 to 94.5; 76 of 80)"; "-" where there is no figure."""
    if not found or found.get("value") is None:
        return "-"
    estimate = _estimate(found)
    ends = interval(estimate, unit).rstrip("%")
    counted = _count(found) if estimate.successes is not None else ""
    behind = "; ".join(part for part in (ends, counted) if part)
    return number(estimate, unit) + (f" ({behind})" if behind else "")


def _ppv_at(figures: Mapping[str, Any], prevalence: float) -> dict[str, Any]:
    """PPV of a class, whose figures metrics.json has, at a prevalence."""
    return ppv_at(_estimate(figures["sensitivity"]), _estimate(figures["specificity"]), prevalence).as_json()


def _ppv_over(own: Trainings, name: str, prevalence: float) -> dict[str, Any]:
    """PPV of the class `name` at a prevalence, over trainings."""
    return spread([_ppv_at(report["per_class"][name], prevalence) for report in own.reports])
