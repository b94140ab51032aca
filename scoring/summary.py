"""summary.html and summary.json: what a finished run says of its films, computed part by part."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import jinja2
import numpy as np
import pyarrow as pa

from model_src.calibration.prediction_sets import LEVELS
from model_src.classes import CLASS_NAMES, RESEARCH_USE
from scoring.listing import Changes
from scoring.part import read_columns
from scoring.run_folder import RunFolder, RunRecord

SLICES = 10  # of the run, in the order of the manifest
AUTOENCODERS = ("healthy", "pneumonia")
_BINS = np.geomspace(1e-4, 1, 2001)  # of a residual; their width is 0.5%
_SET_COLUMNS = tuple(f"prediction_set_{level}" for level in LEVELS)
_COLUMNS = (
    "label",
    "error",
    "sha256",
    "in_scope",
    "explanation_method",
    *(f"residual_{name}" for name in AUTOENCODERS),
    *_SET_COLUMNS,
)


@dataclass
class _Slice:
    """A tenth of the films."""

    films: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    residuals: dict[str, np.ndarray] = field(
        default_factory=lambda: {name: np.zeros(len(_BINS) + 1, np.int64) for name in AUTOENCODERS}
    )

    def add(self, table: pa.Table) -> None:
        self.films += len(table)
        self.labels += Counter(label for label in table["label"].to_pylist() if label is not None)
        for name, counts in self.residuals.items():
            values = table[f"residual_{name}"].drop_null().to_numpy()
            counts += np.bincount(np.searchsorted(_BINS, values), minlength=len(counts))

    def median(self, name: str) -> float | None:
        return _median(self.residuals[name])


@dataclass
class _Totals:
    labels: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    set_sizes: dict[str, Counter[int]] = field(default_factory=lambda: {name: Counter() for name in _SET_COLUMNS})
    in_scope: Counter[bool] = field(default_factory=Counter)
    explained: int = 0
    contents: array[int] = field(default_factory=lambda: array("Q"))

    def add(self, table: pa.Table) -> None:
        self.labels += _counted(table, "label")
        self.errors += _counted(table, "error")
        self.in_scope += _counted(table, "in_scope")
        self.explained += _counted(table, "explanation_method").total()
        for name, sizes in self.set_sizes.items():
            sizes += Counter(len(classes) for classes in table[name].to_pylist() if classes is not None)
        self.contents.extend(int(digest[:16], 16) for digest in table["sha256"].to_pylist() if digest is not None)

    def doubles(self) -> int:
        """Films whose file is the same, byte for byte, as one before them."""
        return len(self.contents) - len(np.unique(np.asarray(self.contents, np.uint64)))


def write_summary(folder: RunFolder, record: RunRecord, changes: Changes | None) -> None:
    """Write both files, from parts of which none is missing. The same parts and changes give the same bytes."""
    facts = summarise(folder, record, changes)
    folder.write_summary(render_page(facts), facts)


def summarise(folder: RunFolder, record: RunRecord, changes: Changes | None) -> dict[str, Any]:
    """summary.json. Memory: 8 bytes a film, and one part."""
    totals, slices = _Totals(), [_Slice() for _ in range(SLICES)]
    for shard in range(len(record.shards)):
        table = read_columns(folder.part(record, shard), _COLUMNS)
        totals.add(table)
        slices[shard * SLICES // len(record.shards)].add(table)
    answered = totals.labels.total()
    all_residuals = {name: np.sum([each.residuals[name] for each in slices], axis=0) for name in AUTOENCODERS}
    known = dict(zip(AUTOENCODERS, record.residuals, strict=True)) if record.residuals else {}
    return {
        "kind": "coronet score summary",
        "research_use": RESEARCH_USE,
        "films": record.films,
        "answered": answered,
        "errors": {kind: totals.errors[kind] for kind in sorted(totals.errors)},
        "classes": {name: totals.labels[name] for name in CLASS_NAMES},
        "prediction_sets": {
            str(level): {str(size): sizes[size] for size in sorted(sizes)}
            for level, sizes in zip(LEVELS, totals.set_sizes.values(), strict=True)
            if sizes
        },
        "out_of_scope": totals.in_scope[False] if totals.in_scope else None,
        "explained": totals.explained,
        "doubles": totals.doubles(),
        "residuals": {name: _residual(all_residuals[name], known.get(name)) for name in AUTOENCODERS},
        "slices": [
            {
                "films": each.films,
                "classes": {name: each.labels[name] for name in CLASS_NAMES},
                "residuals": {name: each.median(name) for name in AUTOENCODERS},
            }
            for each in slices
            if each.films
        ],
        "changes": changes.counts if changes else None,
        "changed_films": changes.examples if changes else None,
        "sources": record.sources,
        "identify": record.identify,
        "model": {"name": record.model_name, "sha256": record.model, "warnings": record.warnings},
        "settings": asdict(record.settings),
    }


def render_page(facts: Mapping[str, Any]) -> str:
    """summary.html."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("scoring", "."), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    environment.filters["percent"] = _percent
    return environment.get_template("summary.html.j2").render(**facts)


def _residual(counts: np.ndarray, known: float | None) -> dict[str, float | None]:
    median = _median(counts)
    return {
        "median": median,
        "validation": None if known is None else round(known, 4),
        "ratio": round(median / known, 2) if median is not None and known else None,
    }


def _median(counts: np.ndarray) -> float | None:
    total = int(counts.sum())
    if not total:
        return None
    place = int(np.searchsorted(np.cumsum(counts), (total + 1) // 2))
    return round(float(_BINS[min(place, len(_BINS) - 1)]), 4)


def _counted(table: pa.Table, column: str) -> Counter[Any]:
    return Counter(value for value in table[column].to_pylist() if value is not None)


def _percent(count: int, of: int) -> str:
    return f"{100 * count / of:.1f}%" if of else "-"
