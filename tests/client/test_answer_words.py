"""An answer in words: when it is one, and when it is not known."""

from __future__ import annotations

from typing import Any

import pytest

from client.answer_words import answer_in_words

SUCH = {"answers": 100, "right": 69, "from": 0.8, "to": 0.9}
INSIDE = {"value": True, "score": 0.2, "threshold": 1.0, "reason": "like the films that the model was calibrated on"}


def response(classes: list[str], **changes: Any) -> dict[str, Any]:
    fields = {"prediction_set": {"90": classes, "95": ["Healthy"]}, "in_scope": INSIDE, "such_answers": SUCH}
    return {"label": "Pneumonia", **fields, **changes}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (response(["Pneumonia"]), "Pneumonia. Of 100 such answers on validation films, 69 were right."),
        (
            response(["Pneumonia"], such_answers={**SUCH, "answers": 0, "right": 0}),
            "Pneumonia. No validation film had such an answer.",
        ),
        (response(["Pneumonia", "COVID-19"]), "I do not know: Pneumonia or COVID-19."),
        (
            response(["Pneumonia", "Healthy", "COVID-19"]),
            "I do not know: Pneumonia, Healthy or COVID-19.",
        ),
        (response([]), "I do not know: none of the classes fits."),
        (response(["COVID-19"]), "I do not know: Pneumonia is the most probable, but only COVID-19 fits."),
        (
            response(["Pneumonia"], in_scope={**INSIDE, "value": False, "reason": "looks like no frontal chest film"}),
            "I do not know: this looks like no frontal chest film.",
        ),
        (
            response(["Pneumonia"], in_scope={**INSIDE, "value": False, "reason": "a film unlike those of before"}),
            "I do not know: this is a film unlike those of before.",
        ),
        ({"label": "Pneumonia"}, ""),
    ],
)
def test_what_an_answer_comes_to(given: dict[str, Any], said: str) -> None:
    assert " ".join(answer_in_words(given)) == said


def test_a_calibration_that_does_not_know_the_scope_answers_all_the_same() -> None:
    given = response(["Pneumonia"])
    del given["in_scope"]
    assert answer_in_words(given)[0] == "Pneumonia."
