"""The TorchServe handler: headers and statuses per request, loading, and what ends the process."""

from __future__ import annotations

import dataclasses
import inspect
import json
import os
import traceback
import warnings
from collections.abc import Iterator

import pytest
import torch

from handlers import coronet_handler
from handlers.coronet_handler import CoroNetHandler
from model_src.errors import ArtefactError, InternalError
from model_src.weight_files import TFEN_NAME

PREDICT = {"explain": "False"}
EXPLAIN = {"explain": "True"}
QUICK = {"method": "saliency", "steps": "1", "score_steps": "4"}


@pytest.fixture(scope="module")
def handler(hand_set_dir) -> Iterator[CoroNetHandler]:
    """A handler that has loaded the hand-set artefacts; the process's settings are put back afterwards."""
    from torch.backends import cudnn

    before = torch.get_num_threads(), cudnn.allow_tf32, cudnn.deterministic
    show = warnings.showwarning
    loaded = CoroNetHandler()
    try:
        loaded.initialize(_LoadContext(hand_set_dir))
        yield loaded
    finally:
        warnings.showwarning = show
        torch.set_num_threads(before[0])
        cudnn.allow_tf32, cudnn.deterministic = before[1:]


class _LoadContext:
    def __init__(self, model_dir):
        self.system_properties = {"model_dir": str(model_dir), "gpu_id": None, "batch_size": 4}
        self.model_name = "coronet"
        self.manifest = {"model": {"modelVersion": "1.0"}}
        self.model_yaml_config = {"minWorkers": 1, "handler": {"max_instances": 2}}


def test_module_defines_exactly_one_class():
    """TorchServe loads no other module (ts.utils.util.list_classes_from_module)."""
    own = [
        cls
        for _, cls in inspect.getmembers(coronet_handler, inspect.isclass)
        if cls.__module__ == coronet_handler.__name__
    ]
    assert own == [CoroNetHandler]
    assert not hasattr(coronet_handler, "handle")  # would be taken for a function handler


def test_mixed_batch_by_each_requests_own_flag(handler, make_context, make_png, chest_png):
    context = make_context(PREDICT, EXPLAIN, PREDICT, {"explain": "True", "Authorization": "Bearer x"})
    rows = [
        {"body": bytearray(make_png(255))},
        {"data": bytearray(chest_png), **QUICK},
        {"body": bytearray(b"junk")},
        {"data": bytearray(chest_png), **QUICK, "format": bytearray(b"png")},
    ]
    bodies = handler.handle(rows, context)
    assert all(type(body) is bytes for body in bodies)
    assert context.statuses == {0: 200, 1: 200, 2: 400, 3: 200}
    assert context.phrases[2] == "Bad Request"
    assert context.content_types == {
        0: "application/json",
        1: "application/json",
        2: "application/json",
        3: "image/png",
    }
    assert "heatmap" not in json.loads(bodies[0])
    assert "heatmap" in json.loads(bodies[1])
    assert json.loads(bodies[2])["code"] == 400
    assert bodies[3].startswith(b"\x89PNG")


def test_first_request_can_be_an_explanation(handler, make_context, chest_png):
    (body,) = handler.handle([{"data": bytearray(chest_png), **QUICK}], make_context(EXPLAIN))
    answer = json.loads(body)
    assert answer["target"] == answer["label"] == "Healthy"


def test_same_request_twice_gives_the_same_bytes(handler, make_context, chest_png):
    row = {"data": bytearray(chest_png), **QUICK}
    assert handler.handle([row], make_context(EXPLAIN)) == handler.handle([row], make_context(EXPLAIN))


@pytest.mark.parametrize(
    ("headers", "explained"),
    [
        ({"explain": "True"}, True),
        ({"Explain": "True"}, True),  # /invocations sets none; a proxy may spell it so
        ({"explain": "False", "Explain": "True"}, False),  # the server's own flag wins over a caller's
        ({"Explain": "True", "explain": "False"}, False),
        ({"explain": {"content-type": "text/plain"}}, False),  # a form field of that name
        ({}, False),
    ],
)
def test_explain_flag_is_the_servers(handler, make_context, chest_png, headers, explained):
    context = make_context(headers)
    row = {"data": bytearray(chest_png), **(QUICK if explained else {})}
    (body,) = handler.handle([row], context)
    assert context.statuses == {0: 200}
    assert ("heatmap" in json.loads(body)) == explained


def test_explanations_go_elsewhere_when_they_would_take_the_last_worker(handler, make_context, chest_png, monkeypatch):
    rows = [{"data": bytearray(chest_png), **QUICK}, {"body": bytearray(chest_png)}]
    headers = (EXPLAIN, PREDICT)
    handler.membership.files.announce_explanations()
    try:
        context = make_context(*headers)
        bodies = handler.handle(rows, context)  # this pool has one worker
        assert context.statuses == {0: 307, 1: 200}
        assert context.phrases[0] == "Temporary Redirect"
        assert context.answer_headers == {0: {"Location": "/explanations/coronet-explain"}}
        told = json.loads(bodies[0])
        assert (told["code"], told["type"]) == (307, "ExplanationsElsewhere")
        assert "/explanations/coronet-explain" in told["message"]
        assert json.loads(bodies[1])["label"] == "Healthy"
        monkeypatch.setattr(handler, "membership", dataclasses.replace(handler.membership, explains=True))
        there = make_context(*headers)
        assert json.loads(handler.handle(rows, there)[0])["model"] == "coronet"
        assert there.statuses == {0: 200, 1: 200}
    finally:
        (handler.membership.files.directory / "explanations").unlink()


@pytest.fixture
def published(monkeypatch) -> list:
    """What was handed to `publish`: metrics, measurements, requests."""
    found: list = []
    monkeypatch.setattr(coronet_handler, "publish", lambda *given: found.append(given))
    return found


def test_a_server_that_is_stopping_begins_nothing(handler, make_context, chest_png, published):
    context = make_context(PREDICT, EXPLAIN)
    handler.membership.files.stop_working()
    try:
        bodies = handler.handle([{"body": bytearray(chest_png)}, {"data": bytearray(chest_png)}], context)
    finally:
        (handler.membership.files.directory / "stopping").unlink()
    assert context.statuses == {0: 503, 1: 503}
    assert [json.loads(body)["type"] for body in bodies] == ["Overloaded", "Overloaded"]
    assert handler.membership.files.idle()
    ((_, measured, requests),) = published
    assert (measured.errors, requests) == ({"Overloaded": 2}, 2)


def test_describe(handler, make_context):
    context = make_context({"describe": "True"})
    (body,) = handler.handle([{}], context)
    assert json.loads(body)["image_size"] == 32
    assert context.statuses == {0: 200}


def test_a_caller_cannot_turn_a_prediction_into_describe(handler, make_context, make_png):
    (body,) = handler.handle([{"body": bytearray(make_png(0))}], make_context({"describe": "True", **PREDICT}))
    assert json.loads(body)["label"] == "Pneumonia"


def test_settings_come_from_the_model_config(handler, make_context):
    assert handler.limits.max_instances == 2
    context = make_context(PREDICT)
    handler.handle([{"body": {"instances": [{"data": "aGk="}] * 3}}], context)
    assert context.statuses == {0: 400}


def test_wrong_setting_is_refused_at_load(make_context):
    with pytest.raises(ArtefactError, match="max_instnaces"):
        CoroNetHandler().initialize(make_context(config={"handler": {"max_instnaces": 2}}))


def test_the_log_and_describe_say_what_runs(make_context, caplog):
    loaded = CoroNetHandler()
    threads = torch.get_num_threads()
    try:
        with caplog.at_level("INFO"):
            loaded.initialize(make_context(config={"handler": {"engine": "torchscript"}}))
    finally:
        torch.set_num_threads(threads)
    assert "coronet 1.0 is ready on cpu: torchscript, float32" in caplog.text
    (body,) = loaded.handle([{}], make_context({"describe": "True"}))
    assert json.loads(body)["engine"] == {"name": "torchscript", "precision": "float32", "batch": 1, "tried": []}


def test_changed_artefact_is_refused_at_load(make_context, hand_set_dir, tmp_path):
    for path in hand_set_dir.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    with (tmp_path / TFEN_NAME).open("ab") as stream:
        stream.write(b"\0")
    threads = torch.get_num_threads()
    try:
        with pytest.raises(ArtefactError, match=r"tfen\.pt: SHA-256"):
            CoroNetHandler().initialize(make_context(config={}, model_dir=tmp_path))
    finally:
        torch.set_num_threads(threads)


def test_lost_gpu_ends_the_process(handler, make_context, make_png, monkeypatch):
    class Ended(BaseException):
        pass

    def end(status):
        raise Ended(status)

    def assertion(xrays):
        raise RuntimeError("CUDA error: device-side assert triggered")

    monkeypatch.setattr(os, "_exit", end)
    monkeypatch.setattr(handler.predictor, "predict", assertion)
    with pytest.raises(Ended) as caught:
        handler.handle([{"body": bytearray(make_png(0))}], make_context(PREDICT))
    assert caught.value.args == (1,)


def test_a_defect_tells_torchserve_its_kind_and_nothing_else(
    handler, make_context, make_png, monkeypatch, caplog, published
):
    def defect(*_):
        raise ValueError("DOE^JANE")

    monkeypatch.setattr(coronet_handler, "respond", defect)
    with pytest.raises(InternalError) as caught:
        handler.handle([{"body": bytearray(make_png(0))}], make_context(PREDICT))
    told = "".join(traceback.format_exception(caught.value)) + caplog.text  # what TorchServe logs, and what we do
    assert "ValueError at" in told
    assert "JANE" not in told
    assert [measured.errors for _, measured, _ in published] == [{"InternalError": 1}]


def test_measurements_are_published(handler, make_context, make_png, published):
    context = make_context(PREDICT, PREDICT)
    handler.handle([{"body": bytearray(make_png(0))}, {"body": b""}], context)
    ((metrics, measured, requests),) = published
    assert (metrics, requests) == (context.metrics, 2)
    assert measured.predictions == {"Pneumonia": 1}
    assert measured.errors == {"InvalidImage": 1}
    assert len(measured.seconds["batch"]) == 1


NAME = "0123456789abcdef" * 2


def test_an_explanation_that_was_abandoned_is_not_begun(handler, make_context, make_png, chest_png):
    explanation = {"data": bytearray(chest_png), **QUICK}
    context = make_context(PREDICT, PREDICT, {**EXPLAIN, "X-CoroNet-Request": NAME}, EXPLAIN)
    rows = [{"body": {"abandon": NAME}}, {"body": bytearray(make_png(255))}, explanation, explanation]
    told, prediction, dropped, explained = map(json.loads, handler.handle(rows, context))
    assert told == {"abandon": NAME}
    assert "probabilities" in prediction
    assert (dropped["type"], dropped["message"].partition(":")[0]) == (
        "Overloaded",
        "nobody waits for this explanation any more",
    )
    assert "heatmap" in explained
    assert context.statuses == {0: 200, 1: 200, 2: 503, 3: 200}


def test_an_explanation_that_is_abandoned_meanwhile_ends_where_it_is(handler, make_context, chest_png, monkeypatch):
    asked: list[str | None] = []

    def abandoned(self: object, name: str | None) -> bool:
        asked.append(name)
        return len(asked) > 4

    monkeypatch.setattr(type(handler.membership), "abandoned", abandoned)
    row = {"data": bytearray(chest_png), "method": b"meaningful_perturbation", "steps": b"300", "score_steps": b"4"}
    context = make_context({**EXPLAIN, "x-coronet-request": NAME})
    (body,) = handler.handle([row], context)
    assert context.statuses == {0: 503}
    assert json.loads(body)["message"].endswith("it was not finished")
    assert set(asked) == {NAME}
    assert len(asked) < 20  # of 300 steps


@pytest.mark.parametrize("body", [{"abandon": "../../x"}, {"abandon": NAME, "data": "x"}, {"abandon": 5}, b"abandon"])
def test_other_messages_abandon_nothing(handler, make_context, body):
    context = make_context(PREDICT)
    handler.handle([{"body": body}], context)
    assert context.statuses[0] == 400
