"""Readers' verdicts by HTTP: counted, refused when they say more than they should."""

from __future__ import annotations

import json

import pytest

from model_src.errors import InvalidRequest
from web.verdicts import read_verdict

ACCEPTED = {"label": "COVID-19", "verdict": "accept", "amended": None, "model": ""}


def counted(site) -> list[str]:
    """Lines of the metrics page, values to six digits."""
    lines = site.get("/metrics").text.splitlines()
    parts = [line.rpartition(" ") for line in lines if line.startswith(("coronet_verdicts_total", "coronet_agreement"))]
    return [f"{name} {float(value):g}" for name, _, value in parts]


def test_verdicts_are_counted_with_their_agreement(site):
    amended = {"label": "COVID-19", "verdict": "amend", "amended": "Pneumonia"}
    for verdict in (ACCEPTED, ACCEPTED, amended):
        assert site.post("/api/verdicts", json.dumps(verdict)).status_code == 204
    assert counted(site) == [
        'coronet_verdicts_total{label="COVID-19",verdict="accept",amended="",model="unknown"} 2',
        'coronet_verdicts_total{label="COVID-19",verdict="amend",amended="Pneumonia",model="unknown"} 1',
        'coronet_agreement{label="COVID-19",model="unknown"} 0.666667',
        'coronet_agreement_low{label="COVID-19",model="unknown"} 0.20766',  # Wilson's for 2 of 3
        'coronet_agreement_high{label="COVID-19",model="unknown"} 0.938508',
    ]


def test_only_a_model_that_was_served_is_told_apart(site, monkeypatch):
    monkeypatch.setattr(site.web.about, "served", lambda digest: digest == "ab" * 32)
    for digest in ("ab" * 32, "cd" * 32):
        site.post("/api/verdicts", json.dumps({**ACCEPTED, "model": digest}))
    assert {line.split('model="')[1].split('"')[0] for line in counted(site)} == {"abababababab", "unknown"}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"no JSON", "found no JSON object"),
        (b"[" * 3000, "found no JSON object"),
        (b"[]", "found no JSON object"),
        (b'{"label": "Flu", "verdict": "accept"}', "label: found 'Flu', need one of Healthy"),
        (b'{"label": "Healthy", "verdict": "yes"}', "verdict: found 'yes'"),
        (b'{"label": "Healthy", "verdict": "amend"}', "amended: found None"),
        (b'{"label": "Healthy", "verdict": "accept", "patient": "X^Y"}', "found 1 other fields, need label, verdict"),
        (b'{"label": "Healthy", "verdict": "accept", "model": "..."}', "model: found"),
    ],
    ids=lambda value: value.decode()[:40] if isinstance(value, bytes) else "",
)
def test_what_is_no_verdict_is_refused_in_one_line(site, body, words):
    response = site.post("/api/verdicts", body)
    assert response.status_code == 400
    assert response.json()["error"].startswith(words)
    assert "X^Y" not in response.text
    assert counted(site) == []


def test_a_verdict_is_small(site):
    assert site.post("/api/verdicts", b" " * 5000).status_code == 413


def test_a_model_may_be_left_out():
    assert read_verdict(b'{"label": "Healthy", "verdict": "reject", "model": null}').model == ""
    with pytest.raises(InvalidRequest):
        read_verdict(b'{"verdict": "reject"}')
