"""report.html: one page that needs no other file."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import jinja2

from evaluation.abstention.study import AbstentionStudy
from evaluation.abstention.wording import remarks as abstention_remarks
from evaluation.data_facts import DataFacts, class_table, data_remarks
from evaluation.evaluate import Evaluation
from evaluation.galleries import MISTAKES, ExplanationPicture
from evaluation.intervals import Estimate, clustered_rate
from evaluation.maps.study import MapStudy
from evaluation.maps.wording import remarks
from evaluation.paper import CONFUSION, paper_rows
from evaluation.plots import CLASS_COLOURS
from evaluation.subgroups import FEWEST
from evaluation.wording import change, interval, movement, number, sentence
from model_src.classes import COVID, RESEARCH_USE


def render_page(
    evaluation: Evaluation,
    data: DataFacts,
    pictures: Mapping[str, bytes],
    explanations: Sequence[ExplanationPicture],
    maps: MapStudy | None,
    abstention: AbstentionStudy | None,
    facts: dict[str, Any],
) -> str:
    """The page, from an evaluation, its pictures as PNG, and what metrics.json says."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("evaluation", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    environment.filters |= {
        "number": number, "interval": interval, "change": change, "movement": movement, "sentence": sentence,
    }  # fmt: skip
    wrong = sum(not result.correct for result in evaluation.results)
    model = facts["model"]
    return environment.get_template("report.html.j2").render(
        model={
            "name": model["name"],
            "warnings": [w for w in model.get("warnings", []) if w != RESEARCH_USE],
            "facts": _model_facts(model),
        },
        data={
            **asdict(data),
            "facts": _data_facts(evaluation, data),
            "remarks": data_remarks(evaluation, data),
        },
        engine_check=evaluation.engine_check.sentence if evaluation.engine_check else None,
        m=evaluation.metrics,
        paper=paper_rows(evaluation.honest.paper),
        ours=evaluation.honest.paper.images,
        paper_images=sum(map(sum, CONFUSION)),
        paper_remark=_paper_remark(evaluation),
        false_alarms=_false_alarms(evaluation),
        colours=CLASS_COLOURS,
        pictures={name: base64.b64encode(content).decode("ascii") for name, content in pictures.items()},
        explanations=[
            {"method": e.method, "sign": e.sign, "picture": f"explanations_{e.method}"} for e in explanations
        ],
        maps=_maps(maps),
        certificate=model.get("certificate") or {},
        abstention=_abstention(abstention),
        groups=evaluation.subgroups,
        honest=evaluation.honest,
        fewest=FEWEST,
        shortcuts=evaluation.shortcuts,
        verdict=facts["shortcut_verdict"],
        caveat=facts["caveat"],
        mistakes=wrong,
        mistakes_shown=min(MISTAKES, wrong),
        skipped=evaluation.skipped,
        provenance=_provenance(facts),
        created=datetime.fromisoformat(facts["created"]).strftime("%d %B %Y, %H:%M UTC"),
        replicates=evaluation.replicates,
        research_use=RESEARCH_USE,
        version=facts["versions"]["coronet"],
    )


def _abstention(study: AbstentionStudy | None) -> dict[str, Any] | None:
    """The section on "I do not know"."""
    if study is None:
        return None
    return {
        "remarks": abstention_remarks(study),
        "levels": list(study.figures.sizes),
        "coverage": study.figures.coverage,
        "in_scope": study.figures.in_scope,
        "outside": study.outside,
    }


def _maps(study: MapStudy | None) -> dict[str, Any] | None:
    """The section on maps against people's marks."""
    if study is None:
        return None
    return {
        "remarks": remarks(study),
        "boxed": bool(study.boxed.films),
        "lunged": bool(study.lunged.films),
        "methods": study.methods,
        "references": study.references,
        "above": study.above,
    }


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
    for name, row in class_table(evaluation).items():
        sources = f" (source {', '.join(row['sources'])})" if row["sources"] else ""
        facts.append((name, f"{row['images']:,} images of {row['patients']:,} patients{sources}"))
    if evaluation.skipped:
        facts.append(("Left out", f"{len(evaluation.skipped)} unreadable"))
    return facts


def _paper_remark(evaluation: Evaluation) -> str:
    sources = evaluation.honest.paper_sources
    chosen = f" (sources {', '.join(sources)} alone)" if sources else ""
    ours = [sum(row) for row in evaluation.honest.paper.confusion]
    paper = [sum(row) for row in CONFUSION]
    if ours == paper:
        return "These images have the same counts per class as the paper's test split."
    return (
        f"The paper's figures are of {sum(paper):,} images of COVIDx, this model's of {sum(ours):,} others{chosen}: "
        "they stand side by side, and say nothing about which model is better."
    )


def _false_alarms(evaluation: Evaluation) -> Estimate:
    """Images of other classes that are called COVID-19, unaltered."""
    predictions = evaluation.predictions
    return clustered_rate(predictions.predicted == COVID, predictions.patients, among=predictions.truth != COVID)


def _provenance(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    model = facts["model"]
    listed = [("Command", facts["command"]), ("Model file", model.get("path", ""))]
    listed += [(f"SHA-256 {name}", digest) for name, digest in (model.get("sha256") or {}).items()]
    versions = ", ".join(f"{name} {number}" for name, number in facts["versions"].items())
    listed += [
        ("Evaluated with", versions),
        ("Seed, bootstrap resamples", f"{facts['seed']}, {facts['bootstrap_replicates']}"),
    ]
    return [(name, str(value)) for name, value in listed if value]
