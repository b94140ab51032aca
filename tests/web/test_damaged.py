"""Damaged films, verdicts and reports over HTTP: an answer or one line each, and never a defect of ours."""

from __future__ import annotations

import json
from collections import Counter
from urllib.parse import unquote

import numpy as np

from tests.fuzz.files import damaged_file
from tests.web.report.report_json import body

FILMS, BODIES = 200, 200


def damaged(rng: np.random.Generator, content: bytes) -> bytes:
    """With one to three bytes changed, dropped or doubled."""
    changed = bytearray(content)
    for _ in range(rng.integers(1, 4)):
        place = int(rng.integers(len(changed)))
        changed[place : place + 1] = rng.choice([b"", b"\x00", b"}", b'"', b"9", b"\xff", b"[[", b"\\u"])
    return bytes(changed)


def test_damaged_films(site):
    rng = np.random.default_rng(17)
    found: Counter[int] = Counter()
    for _ in range(FILMS):
        response = site.post("/api/film", damaged_file(rng) or b"x")
        found[response.status_code] += 1
        if response.status_code == 200:
            facts = json.loads(unquote(response.headers["X-Film-Facts"]))
            assert {"format", "width", "height", "warnings"} <= facts.keys()
            sides = int(response.headers["X-Film-Width"]), int(response.headers["X-Film-Height"])
            assert len(response.content) == 2 * sides[0] * sides[1]
        else:
            assert "\n" not in response.json()["error"]
    assert set(found) == {200, 400, 413, 415}, found


def test_damaged_verdicts_and_reports(site):
    rng = np.random.default_rng(18)
    verdict = json.dumps({"label": "COVID-19", "verdict": "amend", "amended": "Healthy", "model": "ab" * 32}).encode()
    found: Counter[tuple[str, int]] = Counter()
    for path, sent in (("verdicts", verdict), ("report?format=html", body()), ("report?format=pdf", body())):
        for _ in range(BODIES // 2):
            response = site.post(f"/api/{path}", damaged(rng, sent))
            found[path[:6], response.status_code] += 1
            if response.status_code == 400:
                assert "\n" not in response.json()["error"]
    assert set(found) == {("verdic", 204), ("verdic", 400), ("report", 200), ("report", 400)}, found
