"""What a report says of a case, in words: the same in HTML and in PDF."""

from __future__ import annotations

from client.answer_words import answer_in_words
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
    answer = {"label", "such_answers", "prediction_set", "in_scope"}
    words = answer_in_words(case.model_dump(include=answer, exclude_none=True))
    return words or [
        f"{case.label}.",
        "How often such an answer is right is not known: this model came without counts.",
    ]


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
