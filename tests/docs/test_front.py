"""The front that the documents show works as it is written there, with the hand-set network."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.hand_set_model import _temporary_directory, hand_set_dir, make_png  # noqa: F401 (fixtures)

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "add-a-front.md"


@pytest.fixture
def front(hand_set_dir) -> dict[str, Any]:  # noqa: F811 (a fixture)
    """The names that the page's blocks define, in order."""
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), flags=re.M | re.S)
    names: dict[str, Any] = {}
    exec("\n".join(blocks).replace("build/artefacts", str(hand_set_dir)), names)
    return names


def test_black_is_pneumonia_by_either_way(front, make_png):  # noqa: F811 (a fixture)
    status, media_type, body = front["answer"](make_png(0), explain=False)
    assert (status, media_type, json.loads(body)["label"]) == (200, "application/json", "Pneumonia")
    assert front["describe"](make_png(0)) == body


def test_what_is_no_image_is_refused(front):
    status, _, body = front["answer"](b"\x00junk", explain=False)
    assert (status, json.loads(body)["type"]) == (400, "InvalidImage")
