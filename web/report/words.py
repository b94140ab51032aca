"""What a report says of a case, in words: the same in HTML and in PDF."""

from __future__ import annotations

from typing import Any

from model_src.imaging.decoding import one_line
from web.report.cases import Case, Map, Model

_VERDICTS = {"accept": "Accepted by the reader.", "reject": "Rejected by the reader."}


def heading(case: Case) -> str:
    """Number and, where the reader left it in, the file's name."""
    return f"Film {case.number}" + (f": {case.name}" if case.name else "")


def film_line(case: Case) -> str:
    """What was asked about."""
    return f"{case.image.format}, {case.image.width} x {case.image.height} pixels"


def answer_lines(case: Case) -> list[str]:
    """The answer as sentences, with counts from validation films where the model has them."""
    scope = case.in_scope or {}
    if scope.get("value") is False:
        reason = one_line(scope.get("reason") or "is unlike the films that the model was made with")
        return [f"I do not know: this {reason}."]
    levels = case.prediction_set or {}
    remain = levels[max(levels, key=_number)] if levels else [case.label]
    if len(remain) != 1:
        return [f"I do not know: {' or '.join(remain) or 'no class fits'}."]
    return [f"{case.label}.", _such_answers(case.such_answers or {})]


def _number(level: str) -> float:
    return float(level) if level.isdecimal() else 0.0


def _such_answers(such: dict[str, Any]) -> str:
    answers, right = such.get("answers"), such.get("right")
    if not isinstance(answers, int) or not isinstance(right, int):
        return "How often such an answer is right is not known: this model came without counts."
    if answers == 0:
        return "No such answer was among the validation films: how often it is right is not known."
    such_answers, were = ("answer" if answers == 1 else "answers"), ("was" if right == 1 else "were")
    return f"Of {answers} such {such_answers} on validation films, {right} {were} right."


def probabilities(case: Case) -> list[tuple[str, float]]:
    """Classes with their probabilities, the most probable first."""
    return sorted(case.probabilities.items(), key=lambda item: -item[1])


def verdict_line(case: Case) -> str:
    """What the reader said."""
    if case.verdict is None:
        return "No verdict of a reader."
    if case.verdict.amended:
        return f"Amended by the reader to {case.verdict.amended}."
    return _VERDICTS.get(case.verdict.verdict, case.verdict.verdict)


def map_title(shown: Map) -> str:
    """Method and explained class."""
    method = shown.method.replace("_", " ")
    return method[:1].upper() + method[1:] + (f", for {shown.target}" if shown.target else "")


def map_lines(shown: Map) -> list[str]:
    """What a high value means, and the figures of the map."""
    lines = [f"{shown.sign}."] if shown.sign else []
    if shown.probability_before is not None and shown.probability_after is not None:
        lines.append(
            f"Probability {shown.probability_before:.3f}, without what is marked {shown.probability_after:.3f}."
        )
    if shown.deletion is not None and shown.insertion is not None:
        lines.append(f"Deletion {shown.deletion:.3f} (low is good), insertion {shown.insertion:.3f} (high is good).")
    return lines


def model_line(model: Model) -> str:
    """Which model answered."""
    name = " ".join(filter(None, (model.model, model.model_version))) or "a model that did not say its name"
    digests = [f"{file} {digest[:16]}" for file, digest in (model.sha256 or {}).items()]
    return name + (f" (SHA-256: {', '.join(digests)})" if digests else "")
