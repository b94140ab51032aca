"""Requests that no client should send: case(number) is always the same one.

Image files of every kind the server reads, damaged in the ways that break decoders (bits, cuts, splices, sizes that
cannot be), whole ones with odd fields, and JSON of any shape. Most get as far as a decoder, a part of them are sound.
"""

from __future__ import annotations

import base64
import functools
import json
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tests.fuzz.files import damaged_file, whole_file

# As JSON or form fields have them: every kind of value that is not what was asked for.
ODD_VALUES: list[object] = [
    None, True, False, -1, 0, 1, 2**63, 10**400, 1e308, -0.0, "", " ", "nan", "inf", "-1", "1e999", "0x10", "ä" * 50,
    "A" * 10_000, "\x00", "../../etc/passwd", "{{7*7}}", "'; DROP TABLE", [], {}, [[]], [None], {"data": None},
    {"data": "===="}, {"data": 5}, {"data": {"data": "x"}}, "data:image/png;base64,", "iVBORw0KGgo=", [1] * 1000,
]  # fmt: skip
FIELDS = (
    "method", "target", "steps", "seed", "format", "score_steps", "time_budget", "smooth_samples", "baseline",
    "area", "grid", "jitter", "start", "unknown", "__class__",
)  # fmt: skip
# Fields that are right; each explanation takes one of them.
SOUND_FIELDS: tuple[dict[str, object], ...] = (
    {"method": "saliency", "score_steps": 4},
    {"method": "grad_cam", "score_steps": 4, "format": "png"},
    {"method": "integrated_gradients", "steps": 4, "score_steps": 4, "target": "COVID-19"},
    {"method": "meaningful_perturbation", "steps": 5, "score_steps": 4, "target": 1},
)


@dataclass(frozen=True)
class Case:
    """One request: a row as TorchServe gives it to a handler, and how to post the same over HTTP."""

    kind: str
    row: dict[str, object]
    explain: bool
    content_type: str | None = None

    def http(self) -> dict[str, object]:
        """Arguments of requests.post."""
        if self.kind == "json":
            return {"data": json.dumps(self.row["body"]), "headers": {"Content-Type": "application/json"}}
        if self.kind == "form":
            image = {"data": ("image", self.row["data"], "application/octet-stream")}
            return {"files": image, "data": {k: v for k, v in self.row.items() if k != "data"}}
        return {"data": self.row["body"], "headers": {"Content-Type": "application/octet-stream"}}


def case(number: int) -> Case:
    """The request with this number."""
    rng = np.random.default_rng((number, 20))
    explain = bool(rng.random() < 0.25)
    kind = rng.choice(["form", "json"] if explain else ["raw", "form", "json"], p=None if explain else [0.7, 0.1, 0.2])
    image = damaged_file(rng) if rng.random() < 0.75 else whole_file(rng)
    if kind == "raw":
        return Case("raw", {"body": image}, explain)
    fields = dict(SOUND_FIELDS[rng.integers(len(SOUND_FIELDS))]) if explain else {}
    if kind == "json":
        return Case("json", {"body": _json_body(rng, image, fields)}, explain, "application/json")
    if rng.random() < 0.3:
        fields[FIELDS[rng.integers(len(FIELDS))]] = ODD_VALUES[rng.integers(len(ODD_VALUES))]
    return Case("form", {"data": image, **{name: _as_form(value) for name, value in fields.items()}}, explain)


def _as_form(value: object) -> bytes:
    return value.encode() if isinstance(value, str) else json.dumps(value).encode()


def _json_body(rng: np.random.Generator, image: bytes, fields: dict[str, object]) -> object:
    """A JSON body: in half of the cases a right one but for its image, else with something in another's place."""
    item = {"data": base64.b64encode(image).decode(), **fields}
    if rng.random() < 0.5:
        return item if rng.random() < 0.5 else {"instances": [{"data": item["data"]}] * 2, **fields}
    odd = ODD_VALUES[rng.integers(len(ODD_VALUES))]
    name = FIELDS[rng.integers(len(FIELDS))]
    bodies: list[Callable[[], object]] = [
        lambda: {"instances": [item | {name: odd}]},
        lambda: {"instances": [odd, item]},
        lambda: {"instances": odd},
        lambda: {"data": odd, **fields},
        lambda: item | {name: odd},
        lambda: {"instances": [item], "data": odd},
        lambda: odd,
        lambda: functools.reduce(lambda inner, _: [inner], range(60), odd),
    ]
    return bodies[rng.integers(len(bodies))]()
