"""What a reader has to know about the evaluated images before believing any figure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from evaluation.evaluate import Evaluation
from evaluation.wording import sentence
from model_src.classes import CLASS_NAMES

# Split -> why its figures flatter a model that was trained on the same directory.
_NOT_UNSEEN = {
    "train": "These are training images: a model trained on this directory has seen them, and figures say what it "
    "remembers, not how it does on new patients.",
    "all": "Training images are among these: a model trained on this directory has seen them, and figures are better "
    "than on new patients.",
    "validation": "Training selects weights (and calibrates them) on validation images: figures of a model trained on "
    "this directory are a little better than on new patients. Use them to choose between models, not to praise one.",
}


@dataclass(frozen=True)
class DataFacts:
    """Where the images come from."""

    name: str  # of the data directory
    split: str
    kind: str  # "phantoms" or "x-rays"
    shared_patients: int  # of the split's patients, how many are in the directories' training split too
    directories: tuple[str, ...] = ()  # where there are several
    notes: tuple[str, ...] = ()  # on how the data was read, one line each
    reads: dict[str, Any] | None = None  # what radiologists' reads changed (train/data/reads.py)


def class_table(evaluation: Evaluation) -> dict[str, dict[str, Any]]:
    """Class name -> number of `images`, number of `patients`, and sorted `sources`."""
    table = {}
    for label, name in enumerate(CLASS_NAMES):
        rows = [r for r in evaluation.results if r.truth == label]
        sources = sorted({r.source for r in rows if r.source})
        table[name] = {"images": len(rows), "patients": len({r.patient for r in rows}), "sources": sources}
    return table


def data_remarks(evaluation: Evaluation, data: DataFacts) -> list[str]:
    """Warnings about the images, in sentences: images trained or selected on, and classes told by their source."""
    remarks = [sentence(note) for note in data.notes]
    if data.split in _NOT_UNSEEN:
        remarks.append(_NOT_UNSEEN[data.split])
    if data.shared_patients:
        remarks.append(
            f"{data.shared_patients} patients of this split also have images in the training split of the "
            "same directory: figures are too good unless training left them out."
        )
    single = []
    sources = {name: set(row["sources"]) for name, row in class_table(evaluation).items() if row["images"]}
    for name, own in sources.items():
        others = set().union(*(theirs for other, theirs in sources.items() if other != name))
        if own and others and not own & others:
            advice = "" if evaluation.shortcuts else " Evaluate with --probe-shortcuts too."
            remarks.append(
                f"All {name} images come from {', '.join(sorted(own))}, which gave no image of another "
                f"class: telling sources apart would look like telling diseases apart.{advice}"
            )
        elif len(own) == 1 and len(sources) > 1:
            single.append(f"{name} ({next(iter(own))})")
    if single:
        remarks.append(
            f"A class of one source alone: {', '.join(single)}. Nothing here says how the model does on such images of "
            "another source."
        )
    return remarks
