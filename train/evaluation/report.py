"""The report folder: metrics.json, per_image.csv, pictures, and report.html, which needs no other file."""

from __future__ import annotations

import base64
import io
import json
import math
import platform
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jinja2
import torch
from matplotlib.figure import Figure

from model_src.atomic import atomic_directory
from model_src.classes import CLASS_NAMES, RESEARCH_USE
from model_src.errors import DataError
from train.evaluation.evaluate import Evaluation
from train.evaluation.galleries import MISTAKES
from train.evaluation.intervals import Estimate
from train.evaluation.paper import CONFUSION, paper_rows
from train.evaluation.plots import CLASS_COLOURS
from train.evaluation.results import CSV_NAME, write_results
from train.evaluation.shortcuts import verdict

FORMAT_VERSION = 1
KIND = "coronet evaluation"
METRICS_NAME = "metrics.json"
PAGE_NAME = "report.html"
_DPI = 130


@dataclass(frozen=True)
class ExplanationPicture:
    """A montage of one method."""

    method: str
    figure: Figure
    sign: str  # what a high value means


def check_target(directory: Path) -> None:
    """Whether a report may be written to `directory`; asked before the long work.

    Raises:
        DataError: it holds something that is not an earlier report.
    """
    if not directory.exists() or (directory.is_dir() and not any(directory.iterdir())):
        return
    try:
        ours = json.loads((directory / METRICS_NAME).read_text(encoding="utf-8")).get("kind") == KIND
    except (OSError, ValueError, AttributeError):
        ours = False
    if not ours:
        raise DataError(
            f"{directory}: exists and is not an evaluation report; choose an empty or new folder for --out"
        )


def write_report(
    evaluation: Evaluation,
    data: DataFacts,
    figures: Mapping[str, Figure],
    explanations: Sequence[ExplanationPicture],
    directory: Path,
    *,
    command: Sequence[str],
) -> None:
    """Write the report as one folder; it appears whole or not at all and replaces an earlier report.

    Raises:
        DataError: `directory` holds something else.
    """
    check_target(directory)
    pictures = {name: _png(figure) for name, figure in figures.items()}
    pictures |= {f"explanations_{e.method}": _png(e.figure) for e in explanations}
    facts = _facts(evaluation, data, command)
    page = _render(evaluation, data, pictures, explanations, facts)
    with atomic_directory(directory) as temporary:
        for name, content in pictures.items():
            (temporary / f"{name}.png").write_bytes(content)
        text = json.dumps(facts, indent=2, allow_nan=False, ensure_ascii=False)
        (temporary / METRICS_NAME).write_text(text + "\n", encoding="utf-8")
        write_results(evaluation.results, temporary / CSV_NAME)
        (temporary / PAGE_NAME).write_text(page, encoding="utf-8")


@dataclass(frozen=True)
class DataFacts:
    """Where the images come from: `describe_data`'s summary, and which split was judged."""

    name: str
    split: str
    kind: str  # "phantoms" or "x-rays"
    shared_patients: int  # of the split's patients, how many are in the directory's training split too


def _facts(evaluation: Evaluation, data: DataFacts, command: Sequence[str]) -> dict[str, Any]:
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
        "data": asdict(data)
        | {"classes": _class_table(evaluation), "skipped": [asdict(s) for s in evaluation.skipped]},
        **evaluation.metrics.as_json(),
        "paper": [
            {"table": row.table, "name": row.name, "paper_percent": row.printed, "ours": row.ours.as_json()}
            for row in paper_rows(evaluation.metrics)
        ],
        "shortcuts": [result.as_json() for result in evaluation.shortcuts],
        "shortcut_verdict": verdict(evaluation.shortcuts),
    }


def _class_table(evaluation: Evaluation) -> dict[str, dict[str, Any]]:
    """Images, patients and sources of each class."""
    table = {}
    for label, name in enumerate(CLASS_NAMES):
        rows = [r for r in evaluation.results if r.truth == label]
        sources = sorted({r.source for r in rows if r.source})
        table[name] = {"images": len(rows), "patients": len({r.patient for r in rows}), "sources": sources}
    return table


def data_remarks(evaluation: Evaluation, data: DataFacts) -> list[str]:
    """What a reader has to know about the images before believing the figures."""
    remarks = []
    if data.shared_patients:
        remarks.append(
            f"{data.shared_patients} patients of this split also have images in the training split of the "
            "same directory: figures are too good unless training left them out."
        )
    sources = {name: set(row["sources"]) for name, row in _class_table(evaluation).items() if row["images"]}
    for name, own in sources.items():
        others = set().union(*(theirs for other, theirs in sources.items() if other != name))
        if own and others and not own & others:
            advice = "" if evaluation.shortcuts else " Judge with --probe-shortcuts too."
            remarks.append(
                f"All {name} images come from {', '.join(sorted(own))}, which gave no image of another "
                f"class: telling sources apart would look like telling diseases apart.{advice}"
            )
    return remarks


def _render(
    evaluation: Evaluation,
    data: DataFacts,
    pictures: Mapping[str, bytes],
    explanations: Sequence[ExplanationPicture],
    facts: dict[str, Any],
) -> str:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("train.evaluation", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    environment.filters |= {"number": number, "interval": interval, "change": change, "sentence": _sentence}
    wrong = sum(not result.correct for result in evaluation.results)
    model = facts["model"]
    return environment.get_template("report.html.j2").render(
        model={
            "name": model["name"],
            "title": model["name"],
            "warnings": [w for w in model.get("warnings", []) if w != RESEARCH_USE],
            "facts": _model_facts(model),
        },
        data={
            **asdict(data),
            "facts": _data_facts(evaluation, data),
            "remarks": data_remarks(evaluation, data),
        },
        m=evaluation.metrics,
        paper=paper_rows(evaluation.metrics),
        paper_remark=_paper_remark(evaluation),
        colours=CLASS_COLOURS,
        pictures={name: base64.b64encode(content).decode("ascii") for name, content in pictures.items()}
        | {name: "" for name in ("reconstructions", "mistakes") if name not in pictures},
        explanations=[
            {"method": e.method, "sign": e.sign, "picture": f"explanations_{e.method}"} for e in explanations
        ],
        shortcuts=evaluation.shortcuts,
        verdict=facts["shortcut_verdict"],
        mistakes=wrong,
        mistakes_shown=min(MISTAKES, wrong),
        skipped=evaluation.skipped,
        provenance=_provenance(facts),
        created=datetime.fromisoformat(facts["created"]).strftime("%d %B %Y, %H:%M UTC"),
        replicates=evaluation.replicates,
        research_use=RESEARCH_USE,
        version=facts["versions"]["coronet"],
    )


def _model_facts(model: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What the model is and was trained on, for people."""
    parameters = model.get("parameters") or {}
    facts = [
        ("Kind", model.get("kind")),
        ("Recipe", model.get("recipe")),
        ("Trained on", model.get("trained_on")),
        ("Training data", _training_data(model.get("data") or {})),
        ("Input", f"{model['image_size']} x {model['image_size']} pixels, gray"),
        ("Parameters", ", ".join(f"{name} {count:,}" for name, count in parameters.items())),
    ]
    return [(name, str(value)) for name, value in facts if value]


def _training_data(data: Mapping[str, Any]) -> str:
    """The training split's counts, of the summary that the run recorded."""
    counts = data.get("train") or (data.get("counts") or {}).get("train")
    if not isinstance(counts, Mapping):
        return str(data.get("name", ""))
    listed = ", ".join(f"{name} {count:,}" for name, count in counts.items())
    return f"{data.get('name', 'not named')}: {sum(counts.values()):,} images ({listed})"


def _data_facts(evaluation: Evaluation, data: DataFacts) -> list[tuple[str, str]]:
    facts = [("Directory", data.name), ("Split", data.split)]
    for name, row in _class_table(evaluation).items():
        sources = f" (source {', '.join(row['sources'])})" if row["sources"] else ""
        facts.append((name, f"{row['images']:,} images of {row['patients']:,} patients{sources}"))
    if evaluation.skipped:
        facts.append(("Left out", f"{len(evaluation.skipped)} unreadable"))
    return facts


def _paper_remark(evaluation: Evaluation) -> str:
    ours = [sum(row) for row in evaluation.metrics.confusion]
    paper = [sum(row) for row in CONFUSION]
    if ours == paper:
        return "These images have the same counts per class as the paper's test split."
    return (
        f"The paper judged {sum(paper):,} images of COVIDx; these are {sum(ours):,} others, "
        "so the two columns differ in their images as well as in their models."
    )


def _provenance(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    model = facts["model"]
    listed = [("Command", facts["command"]), ("Model file", model.get("path", ""))]
    listed += [(f"SHA-256 {name}", digest) for name, digest in (model.get("sha256") or {}).items()]
    versions = ", ".join(f"{name} {number}" for name, number in facts["versions"].items())
    listed += [
        ("Judged with", versions),
        ("Seed, bootstrap resamples", f"{facts['seed']}, {facts['bootstrap_replicates']}"),
    ]
    return [(name, str(value)) for name, value in listed if value]


def number(estimate: Estimate, unit: str) -> str:
    """The value as readers see it: percent with one digit, or a share with three."""
    return _figure(estimate.value, unit)


def interval(estimate: Estimate, unit: str) -> str:
    """The interval's ends, "" where there is none."""
    if estimate.low is None or estimate.high is None:
        return ""
    return f"{_figure(estimate.low, unit).rstrip('%')} to {_figure(estimate.high, unit)}"


def change(estimate: Estimate, unit: str) -> str:
    """A difference with its interval: points, or a difference of shares."""
    if estimate.value is None:
        return "not defined"
    scale, digits = (100, 1) if unit == "percent" else (1, 3)
    ends = [value * scale for value in (estimate.value, estimate.low, estimate.high) if value is not None]
    shown = [f"{value:+.{digits}f}" for value in ends]
    return shown[0] if len(shown) == 1 else f"{shown[0]} ({shown[1]} to {shown[2]})"


def _figure(value: float | None, unit: str) -> str:
    if value is None or not math.isfinite(value):
        return "not defined"
    return f"{value * 100:.1f}%" if unit == "percent" else f"{value:.3f}"


def _sentence(text: str) -> str:
    text = text.strip()
    return f"{text[:1].upper()}{text[1:]}{'' if not text or text.endswith('.') else '.'}"


def _png(figure: Figure) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=_DPI, metadata={"Software": None})
    return stream.getvalue()
