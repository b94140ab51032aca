"""What the page says of an answer: counts in words, and "I do not know" where the model does not."""

from __future__ import annotations

import pytest

from tests.web.page.films import add, plain_film

FEW = "Too few to rely on."
OUTSIDE = {"value": False, "score": 3.1, "threshold": 1.0, "reason": "looks like a chest film that is upside down"}


@pytest.mark.parametrize(
    ("answers", "right", "text", "share"),
    [
        # Wilson's intervals by hand: 69 of 100 is 0.594 to 0.772; 90 of 130 is 0.608 to 0.766; 10 of 10 is 0.722 to 1.
        (100, 69, "Of 100 such answers on the validation films, 69 were right (95% interval: 59 to 77 in 100).", 69),
        (
            130,
            90,
            "Of 130 such answers on the validation films, 90 were right, 69 in 100 (95% interval: 61 to 77 in 100).",
            69,
        ),
        (
            10,
            10,
            "Of 10 such answers on the validation films, 10 were right, 100 in 100 (95% interval: 72 to 100 in 100).",
            100,
        ),
        (9, 8, f"Only 9 such answers on the validation films; 8 were right. {FEW}", None),
        (1, 1, f"Only 1 such answer on the validation films; 1 was right. {FEW}", None),
    ],
)
def test_counts_in_words(functions, answers, right, text, share):
    assert functions("words.js", "suchAnswers", {"answers": answers, "right": right}) == {"text": text, "share": share}


@pytest.mark.parametrize(
    "counts", [None, {}, {"answers": 5}, {"answers": 3, "right": 4}, {"answers": "3", "right": "1"}]
)
def test_a_model_without_counts_promises_nothing(functions, counts):
    found = functions("words.js", "suchAnswers", counts)
    assert found["share"] is None
    assert found["text"].startswith("How often such an answer is right is not known")


def test_no_such_answer_yet(functions):
    assert functions("words.js", "suchAnswers", {"answers": 0, "right": 0})["share"] is None


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0.00"), (0.004, "<0.01"), (0.005, "0.01"), (0.125, "0.13"), (0.994, "0.99"), (0.9999, ">0.99"), (1, "1.00")],
)
def test_no_certainty_that_was_not_there(functions, value, text):
    assert functions("words.js", "probability", value) == text


@pytest.mark.parametrize(
    ("fields", "kind", "text"),
    [
        ({}, "answer", "COVID-19"),
        ({"prediction_set": {"90": ["COVID-19"]}, "in_scope": {"value": True}}, "answer", "COVID-19"),
        ({"prediction_set": {"90": ["COVID-19"], "95": ["COVID-19", "Pneumonia"]}}, "answer", "COVID-19"),
        ({"prediction_set": {"90": ["COVID-19", "Pneumonia"]}}, "several", "COVID-19 or Pneumonia"),
        ({"prediction_set": {"90": ["Pneumonia"]}}, "none", "I do not know"),  # the most probable one is out
        ({"prediction_set": {"90": []}}, "none", "I do not know"),
        ({"prediction_set": {"90": ["COVID-19"]}, "in_scope": OUTSIDE}, "outside", "I do not know"),
    ],
)
def test_how_an_answer_is_put(functions, fields, kind, text):
    prediction = {"label": "COVID-19", "probabilities": {"Healthy": 0.1, "Pneumonia": 0.3, "COVID-19": 0.6}} | fields
    found = functions("words.js", "verdictOfModel", prediction)
    assert (found["kind"], found["text"]) == (kind, text)


def test_a_film_out_of_scope_says_why(page, site):
    site.model.behaviour.prediction = {"prediction_set": {"90": ["COVID-19"]}, "in_scope": OUTSIDE}
    add(page, plain_film())
    assert page.locator("#headline-text").inner_text() == "I do not know"
    assert page.locator("#headline-more").inner_text().startswith("This looks like a chest film that is upside down.")
    assert page.locator(".row .state").inner_text().startswith("I do not know")
    assert page.locator(".such").is_hidden()
    # The figures are there, but hollow.
    hollow = "[...document.querySelectorAll('.bar span')].map(bar => getComputedStyle(bar).borderTopStyle)"
    assert page.evaluate(hollow) == ["solid"] * 3


def test_an_answer(page, site):
    site.model.behaviour.prediction = {"such_answers": {"answers": 100, "right": 69}}
    add(page, plain_film())
    assert page.text_content("#headline-text") == "COVID-19"
    assert page.text_content("#headline-more") == "Probability 0.88"
    assert "69 were right" in page.text_content("#such-text")
    assert page.locator("#such-dots").is_visible()
    assert page.locator("#bars th").all_inner_texts() == ["Healthy", "Pneumonia", "COVID-19"]
    assert page.locator("#bars .number").all_inner_texts() == ["0.02", "0.10", "0.88"]
    widths = page.evaluate("[...document.querySelectorAll('.bar')].map(b => b.firstChild.offsetWidth / b.offsetWidth)")
    assert widths == pytest.approx([0.02, 0.1, 0.88], abs=0.01)


def test_not_knowing_does_not_look_like_an_answer(page, site):
    site.model.behaviour.prediction = {"prediction_set": {"90": ["COVID-19", "Pneumonia"]}}
    add(page, plain_film("unsure.png"))
    style = "getComputedStyle(document.querySelector('#headline')).borderTopStyle"
    assert page.text_content("#headline-text") == "COVID-19 or Pneumonia"
    assert page.text_content("#headline-more").startswith("The model cannot choose between these; on films like its")
    assert page.evaluate(style) == "dashed"
    assert page.locator(".row .state").inner_text().startswith("COVID-19 or Pneumonia?")
    assert page.get_attribute(".row .state", "data-kind") == "unsure"
    site.model.behaviour.prediction = {}
    add(page, plain_film("sure.png"))
    page.keyboard.press("j")
    assert page.text_content("#headline-text") == "COVID-19"
    assert page.evaluate(style) == "none"


def test_warnings_stand_with_the_answer(page, site):
    site.model.behaviour.prediction = {"warnings": ["research use only, not for diagnosis", "trained on phantoms only"]}
    add(page, plain_film())
    # The first holds for the whole page and is always in sight.
    assert page.locator("#warnings li").all_inner_texts() == ["trained on phantoms only"]
    assert page.locator(".research").inner_text() == "Research use only, not for diagnosis"


def test_text_from_outside_is_text(page, site):
    """Names of files and lines of servers are no HTML."""
    nasty = "<img src=x onerror=alert(1)>"
    site.model.behaviour.prediction = {"warnings": [nasty]}
    add(page, plain_film(f"{nasty}.png"))
    assert page.locator("#warnings li").inner_text() == nasty
    assert nasty in page.locator(".row .name").inner_text()
    assert page.locator("img").count() == 0


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("\u202egnp.exe\u2069.png", "1 gnp.exe .png"),  # U+202E would turn what follows around
        ("left\nright.png", "1 left right.png"),
        ("\u0635\u0648\u0631\u0629.png", "1 \u0635\u0648\u0631\u0629.png"),  # Arabic stays
    ],
    ids=["turned around", "two lines", "Arabic"],
)
def test_names_are_one_line_of_visible_letters(page, name, shown):
    add(page, plain_film(name))
    assert page.locator(".row .name").text_content().replace("  ", " ") == shown
