"""What a prediction comes to, in words: an answer and how often such answers are right, or "I do not know" and why."""

from __future__ import annotations

from typing import Any

LEVEL = "90"  # percent: the prediction set that decides whether an answer is one


def answer_in_words(response: dict[str, Any]) -> list[str]:
    """One sentence or two for a prediction's JSON; none where the model brings no calibration.

    A film out of scope gets no answer. Otherwise one class in the 90% set is an answer, more or none are not.
    """
    classes = response.get("prediction_set", {}).get(LEVEL)
    if classes is None:
        return []
    scope = response.get("in_scope")
    if scope is not None and not scope["value"]:
        return [f"I do not know: {_this(scope['reason'])}."]
    if not classes:
        return ["I do not know: none of the classes fits."]
    if len(classes) > 1:
        return [f"I do not know: {', '.join(classes[:-1])} or {classes[-1]}."]
    if classes[0] != response["label"]:  # a rare class may be held open while the most probable one is not
        return [f"I do not know: {response['label']} is the most probable, but only {classes[0]} fits."]
    return [f"{response['label']}.", *such_answers_in_words(response)]


def such_answers_in_words(response: dict[str, Any]) -> list[str]:
    """How many answers like this one were right among validation films, as a sentence; none without a calibration."""
    such = response.get("such_answers")
    if such is None:
        return []
    if not such["answers"]:
        return ["No validation film had such an answer."]
    return [f"Of {such['answers']} such answers on validation films, {such['right']} were right."]


def _this(reason: str) -> str:
    return f"this {reason}" if reason.startswith("looks") else f"this is {reason}"
