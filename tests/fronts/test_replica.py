"""A batch of mixed requests through the archive's handler, as a worker of Ray Serve works it off."""

from __future__ import annotations

import base64
import json

import pytest

from fronts.worker import replica
from fronts.worker.context import LoadContext
from fronts.worker.replica import OIP, Call

EXPLAIN = {"content-type": "application/json", "x-coronet-request": "0" * 32}


def text(image: bytes) -> str:
    return base64.b64encode(image).decode()


def tensor(*images: bytes) -> bytes:
    data = [text(each) for each in images]
    return json.dumps({"inputs": [{"name": "image", "datatype": "BYTES", "shape": [len(data)], "data": data}]}).encode()


def quick(image: bytes) -> bytes:
    return json.dumps({"data": text(image), "method": "saliency", "score_steps": 4}).encode()


def test_each_request_of_a_batch_is_answered_on_its_own(handler, make_png):
    black, white = make_png(0), make_png(255)
    calls = [
        Call(black, {}),
        Call(b"\x00junk", {}),
        Call(quick(black), EXPLAIN, explain=True),
        Call(b"--x\r\n", {"content-type": "multipart/form-data; boundary=x"}),
        Call(tensor(black, white), {"content-type": "application/json"}, protocol=OIP, model="coronet"),
        Call(tensor(black, b"\x00junk"), {}, protocol=OIP, model="coronet"),
        Call(b"[]", {}, protocol=OIP),
        Call(
            b'{"inputs": [{"name": "image", "datatype": "BYTES", "shape": [1], "data": %s}]}'
            % (b"[" * 900 + b"]" * 900),
            {},
            protocol=OIP,
        ),
        Call(white, {}),
    ]
    replies = replica._handle(handler, calls)
    assert [reply.status for reply in replies] == [200, 400, 200, 400, 200, 400, 400, 400, 200]
    first, junk, explained, form, tensors, of_two, no_tensor, deep, last = (json.loads(each.body) for each in replies)
    assert (first["label"], last["label"]) == ("Pneumonia", "Healthy")
    assert (explained["method"], explained["label"]) == ("saliency", "Pneumonia")
    assert (junk["type"], form["type"]) == ("InvalidImage", "InvalidRequest")
    assert "damaged form" in form["message"]
    assert next(each["data"] for each in tensors["outputs"] if each["name"] == "label") == ["Pneumonia", "Healthy"]
    assert of_two["error"] == of_two["message"]
    assert of_two["error"].startswith("instances[1]: ")
    assert (no_tensor["type"], deep["type"]) == ("InvalidRequest", "InvalidRequest")
    alone = replica._handle(handler, [Call(black, {})])
    assert alone[0].body == replies[0].body  # whatever came with it


def test_what_a_batch_measured_goes_with_one_of_its_replies(handler, make_png):
    replies = replica._handle(handler, [Call(make_png(0), {}), Call(make_png(255), {}), Call(b"", {})])
    assert [bool(reply.samples) for reply in replies] == [True, False, False]
    found = {(name, *own.values()): value for name, _, _, value, own in replies[0].samples}
    assert found["CoroNetPredictions", "Pneumonia"] == found["CoroNetPredictions", "Healthy"] == 1
    assert found["CoroNetErrors", "InvalidImage"] == 1
    assert found["CoroNetBatchRequests",] == 3


def test_a_defect_in_decoding_is_that_requests_own(handler, make_png, monkeypatch, caplog):
    original = replica.rows.row

    def row(body: bytes, content_type: str | None):
        if body == b"defect":
            raise ZeroDivisionError("of the patient JANE")
        return original(body, content_type)

    monkeypatch.setattr(replica.rows, "row", row)
    broken, good = replica._handle(handler, [Call(b"defect", {}), Call(make_png(0), {})])
    assert (broken.status, json.loads(broken.body)["type"], good.status) == (500, "InternalError", 200)
    assert "ZeroDivisionError at" in caplog.text
    assert "JANE" not in caplog.text + broken.body.decode()


def test_a_batch_that_the_handler_cannot_answer(make_png):
    class Broken:
        def handle(self, data, context):
            raise RuntimeError

    assert [(each.status, each.body) for each in replica._handle(Broken(), [Call(b"x", {})] * 2)] == [(503, None)] * 2


def test_a_file_inside_a_tensor_is_not_judged_by_the_tensors_headers(handler, make_png):
    headers = {"content-type": "multipart/form-data", "content-encoding": "br", "accept": "application/dicom"}
    (reply,) = replica._handle(handler, [Call(tensor(make_png(0)), headers, protocol=OIP, model="coronet")])
    assert reply.status == 200


def test_the_handler_is_told_of_the_archive_what_torchserve_tells(tmp_path):
    (tmp_path / "MAR-INF").mkdir()
    manifest = {"model": {"modelVersion": "2.5", "configFile": "model-config.yaml"}}
    (tmp_path / "MAR-INF" / "MANIFEST.json").write_text(json.dumps(manifest))
    (tmp_path / "model-config.yaml").write_text("minWorkers: 2\nhandler:\n  engine: auto\n")
    context = LoadContext.of(tmp_path, "coronet-explain", 8, None)
    assert context.model_name == "coronet-explain"
    assert context.manifest == manifest
    assert context.model_yaml_config == {"minWorkers": 2, "handler": {"engine": "auto"}}
    assert context.system_properties == {"model_dir": str(tmp_path), "gpu_id": None, "batch_size": 8}


@pytest.mark.parametrize(("busy", "well"), [(None, True), (1.0, True), (30.0, False)])
def test_a_worker_that_hangs_says_so(busy, well, monkeypatch):
    worker = replica.Replica.__new__(replica.Replica)
    monkeypatch.setattr(replica.time, "monotonic", lambda: 100.0)
    worker._silence, worker._began = 20.0, None if busy is None else 100.0 - busy
    if well:
        worker.check_health()
    else:
        with pytest.raises(TimeoutError, match="over 20 s"):
            worker.check_health()
