"""A reader's verdict as it comes from the page, or by plain HTTP: four words, no pixels, nobody's identity."""

from __future__ import annotations

import json
from typing import Any

from client.verdicts import Verdict, checked_verdict
from model_src.errors import InvalidRequest

_FIELDS = ("label", "verdict", "amended", "model")


def read_verdict(body: bytes) -> Verdict:
    """The verdict in a JSON object {"label", "verdict"} with "amended" and "model" where there are any.

    Raises:
        InvalidRequest: it is none; the message names the field. Other fields are refused too: what is sent by
            mistake, such as a name, should not be sent again.
    """
    try:
        fields: Any = json.loads(body)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise InvalidRequest('found no JSON object, need one such as {"label": "Healthy", "verdict": "accept"}')
    if others := sorted(fields.keys() - set(_FIELDS)):
        raise InvalidRequest(f"found {len(others)} other fields, need {', '.join(_FIELDS)} alone")
    return checked_verdict(fields.get("label"), fields.get("verdict"), fields.get("amended"), fields.get("model") or "")
