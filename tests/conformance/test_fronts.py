"""Both fronts answer every question as expected, or as the table of differences says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conformance.asked import ALL, EXPLANATIONS, WAYS, Asked
from tests.conformance.conftest import FRONTS
from tests.conformance.observed import ask, observed

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "fronts.md"


def differences() -> dict[str, dict[str, str]]:
    """Question -> front -> what it answers, of the table in the documents."""
    rows = re.findall(
        r"^\| ([^|`]+) \| `([^`]+)` \| `([^`]+)` \| [^|]+ \|$", PAGE.read_text(encoding="utf-8"), flags=re.M
    )
    return {name: dict(zip(FRONTS, cells, strict=True)) for name, *cells in rows}


@pytest.mark.parametrize("asked", ALL, ids=lambda asked: asked.name)
def test_a_question_is_answered_as_expected(front, asked: Asked, inputs):
    name, server = front
    response = ask(server, asked, inputs)
    expected = differences().get(asked.name, {}).get(name, asked.expected)
    assert observed(asked, response) == expected, response is not None and response.content[:300]
    if asked.same_as:
        (other,) = (each for each in ALL if each.name == asked.same_as)
        assert response.content == ask(server, other, inputs).content


OF_THE_MODEL = [each for each in (*WAYS, *EXPLANATIONS) if each.same_as is None and each.name != "DICOM objects"]


@pytest.mark.parametrize("asked", OF_THE_MODEL, ids=lambda asked: asked.name)
def test_both_fronts_give_the_same_bytes(server, ray_server, asked: Asked, inputs):
    """Neither adds anything to what the archive's handler makes of a request."""
    assert ask(server, asked, inputs).content == ask(ray_server, asked, inputs).content


def test_the_table_holds_what_differs_and_nothing_else():
    found = differences()
    questions = {asked.name: asked for asked in ALL}
    assert found, "the page has no table that can be read"
    assert set(found) <= set(questions)
    for name, answers in found.items():
        assert answers["torchserve"] != answers["ray"], f"no difference any more: {name}"
        assert questions[name].expected in answers.values(), f"neither front answers as expected: {name}"


def test_every_question_has_a_name_of_its_own():
    assert len({asked.name for asked in ALL}) == len(ALL)
