"""The paper's results (Tables 1-5), to stand beside ours with the same intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluation.intervals import Estimate, rate
from evaluation.metrics import Metrics
from model_src.classes import CLASS_NAMES

# Table 5, rows = truth, columns = prediction, order of CLASS_NAMES.
CONFUSION = ((845, 39, 1), (86, 972, 0), (1, 0, 9))
# Table 2, percent, weighted by the number of images of each class.
ACCURACY, PRECISION, RECALL, F1 = 93.50, 93.63, 93.50, 93.51
# Tables 3 and 4, percent.
SENSITIVITY = (95.48, 91.87, 90.0)
PPV = (90.66, 96.14, 90.0)


@dataclass(frozen=True)
class PaperRow:
    """One figure of the paper beside the same figure of an evaluation."""

    table: str
    name: str
    printed: float  # percent, as in the paper
    paper: Estimate | None  # the same from Table 5's counts with an interval; None where resampling would be needed
    ours: Estimate


def paper_rows(metrics: Metrics) -> list[PaperRow]:
    """Every figure of Tables 2, 3 and 4, in the paper's order.

    The paper's images are not ours unless the data are COVIDx with its test list; the report says so.
    """
    counts = np.array(CONFUSION)
    accuracy = rate(int(np.trace(counts)), int(counts.sum()))
    overall = metrics.overall
    rows = [
        PaperRow("2", "Accuracy", ACCURACY, accuracy, overall["accuracy"]),
        PaperRow("2", "Precision, weighted", PRECISION, None, overall["precision_weighted"]),
        PaperRow("2", "Recall, weighted", RECALL, accuracy, overall["recall_weighted"]),
        PaperRow("2", "F1, weighted", F1, None, overall["f1_weighted"]),
    ]
    for index, name in enumerate(CLASS_NAMES):
        sensitivity = rate(CONFUSION[index][index], int(counts[index].sum()))
        rows.append(
            PaperRow(
                "3",
                f"Sensitivity, {name}",
                SENSITIVITY[index],
                sensitivity,
                metrics.per_class[name]["sensitivity"],
            )
        )
    for index, name in enumerate(CLASS_NAMES):
        ppv = rate(CONFUSION[index][index], int(counts[:, index].sum()))
        rows.append(PaperRow("4", f"PPV, {name}", PPV[index], ppv, metrics.per_class[name]["ppv"]))
    return rows


def paper_facts(metrics: Metrics) -> list[dict[str, Any]]:
    """The same as JSON types, for metrics.json."""
    return [
        {"table": row.table, "name": row.name, "paper_percent": row.printed, "ours": row.ours.as_json()}
        for row in paper_rows(metrics)
    ]
