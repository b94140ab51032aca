"""What a reader thinks of the model's answers: accept, reject or amend, counted for Prometheus.

A verdict holds no pixels and nobody's identity: the class that the model had named, what the reader said, and which
model it was. It comes from the page (web/) or as a structured report from the PACS (pacs/).
"""

from __future__ import annotations

import math
import re
import threading
from collections import Counter
from dataclasses import dataclass
from typing import Any, Literal

from client.prometheus_text import Sample, metric
from model_src.classes import CLASS_NAMES
from model_src.errors import InvalidRequest

Kind = Literal["accept", "reject", "amend"]
KINDS: tuple[Kind, ...] = ("accept", "reject", "amend")

_MOST_MODELS = 16  # told apart; more would let a caller fill the metrics page
_OTHER_MODELS = "others"
_DIGEST = re.compile(r"[0-9a-f]{8,64}")
_SHOWN = 12  # hexadecimal digits of a model's digest
_Z = 1.959963984540054  # of the normal distribution, for 95%


@dataclass(frozen=True)
class Verdict:
    """A reader's verdict on one answer.

    Attributes:
        label: the class that the model named.
        kind: accept, reject or amend.
        amended: the class that the reader named instead; only of an amended answer, else None.
        model: SHA-256 of the model in hexadecimal digits; "" where it is not known.
    """

    label: str
    kind: Kind
    amended: str | None = None
    model: str = ""


def checked_verdict(label: Any, kind: Any, amended: Any = None, model: Any = "") -> Verdict:
    """The verdict of these values, which came from outside.

    Raises:
        InvalidRequest: a value that is none, named by its field: label, verdict, amended, model.
    """
    if label not in CLASS_NAMES:
        raise InvalidRequest(f"label: found {_quoted(label)}, need one of {', '.join(CLASS_NAMES)}")
    if kind not in KINDS:
        raise InvalidRequest(f"verdict: found {_quoted(kind)}, need one of {', '.join(KINDS)}")
    others = [name for name in CLASS_NAMES if name != label]
    if kind == "amend" and amended not in others:
        raise InvalidRequest(
            f"amended: found {_quoted(amended)}, need another class than the label: {' or '.join(others)}"
        )
    if kind != "amend" and amended is not None:
        raise InvalidRequest(f"amended: found {_quoted(amended)} beside the verdict {kind}, need none")
    if model != "" and not (isinstance(model, str) and _DIGEST.fullmatch(model)):
        raise InvalidRequest(
            f"model: found {_quoted(model)}, need the SHA-256 of the model in hexadecimal digits, or none"
        )
    return Verdict(label, kind, amended, model)


class VerdictCounts:
    """Counts of verdicts, for any number of threads. They live as long as this object: Prometheus keeps them."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, Kind, str, str]] = Counter()
        self._models: list[str] = []
        self._lock = threading.Lock()

    def count(self, verdict: Verdict) -> None:
        """Count one more."""
        model = verdict.model[:_SHOWN] or "unknown"
        with self._lock:
            if model not in self._models:
                if len(self._models) < _MOST_MODELS:
                    self._models.append(model)
                else:
                    model = _OTHER_MODELS
            self._counts[verdict.label, verdict.kind, verdict.amended or "", model] += 1

    def agreement(self) -> dict[tuple[str, str], tuple[int, int]]:
        """(class that the model named, model) -> accepted answers, answers with a verdict."""
        with self._lock:
            counts = dict(self._counts)
        found: dict[tuple[str, str], tuple[int, int]] = {}
        for (label, kind, _, model), number in sorted(counts.items()):
            accepted, total = found.get((label, model), (0, 0))
            found[label, model] = (accepted + number * (kind == "accept"), total + number)
        return found

    def prometheus(self) -> str:
        """The lines of a metrics page: counts, and the share of accepted answers with its 95% interval (Wilson)."""
        with self._lock:
            counts = sorted(self._counts.items())
        totals = [
            ({"label": label, "verdict": kind, "amended": amended, "model": model}, number)
            for (label, kind, amended, model), number in counts
        ]
        shares: dict[str, list[Sample]] = {"": [], "_low": [], "_high": []}
        for (label, model), (accepted, total) in self.agreement().items():
            low, high = wilson(accepted, total)
            for end, value in (("", accepted / total), ("_low", low), ("_high", high)):
                shares[end].append(({"label": label, "model": model}, value))
        return "".join(
            [
                metric("coronet_verdicts_total", "counter", "Verdicts of readers on answers of the model.", totals),
                metric("coronet_agreement", "gauge", "Share of answers with a verdict that were accepted.", shares[""]),
                metric("coronet_agreement_low", "gauge", "Lower end of its 95% interval (Wilson).", shares["_low"]),
                metric("coronet_agreement_high", "gauge", "Upper end of its 95% interval (Wilson).", shares["_high"]),
            ]
        )


def wilson(successes: int, total: int) -> tuple[float, float]:
    """The 95% score interval (Wilson 1927) of `successes / total`, total > 0; it always holds that share."""
    share, weight = successes / total, _Z**2 / total
    centre = (share + weight / 2) / (1 + weight)
    half = math.sqrt(share * (1 - share) * weight + weight**2 / 4) / (1 + weight)
    return max(0.0, min(centre - half, share)), min(1.0, max(centre + half, share))


def _quoted(value: Any) -> str:
    return repr(value if isinstance(value, int | float | bool | None) else str(value)[:40])
