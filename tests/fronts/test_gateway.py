"""The gateway with workers that do what a test says: queue, deaths, callers that go, descriptions."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest
from ray.exceptions import RayActorError, RayTaskError

from fronts.answers import Answer
from fronts.bodies import Bodies
from fronts.ray_serve.gateway import Gateway
from fronts.ray_serve.management import Management
from fronts.ray_serve.pool import Pool, WorkerState
from fronts.ray_serve.settings import PoolSettings
from fronts.ray_serve.tally import Tally
from fronts.worker.replica import OIP, Call, Reply
from handlers.server_files import ServerFiles
from tests.fronts.asgi import Response, Sender, ask, scope

LARGEST = 1000


class Handle:
    """Ray Serve's handle of a deployment; `answers` makes what a worker gives for a call."""

    def __init__(self, answers) -> None:
        self.calls: list[Call] = []
        self.cancelled = 0
        self._answers = answers

    def remote(self, call: Call) -> Any:
        self.calls.append(call)
        future = asyncio.ensure_future(self._answers(call))
        handle = self

        class Asked:
            def __await__(self):
                return future.__await__()

            def cancel(self) -> None:
                handle.cancelled += 1
                future.cancel()

        return Asked()


async def good(call: Call) -> Reply:
    samples = [("CoroNetErrors", "counter", "count", 1, {"Type": "X"})]
    return Reply(200, b'{"label": "Healthy"}', headers={"X-More": "yes"}, samples=samples, seconds=0.01)


async def never(call: Call) -> Reply:
    await asyncio.Event().wait()
    raise AssertionError


def pool(answers=good, model="coronet", queue=2, started=True) -> tuple[Pool, Handle]:
    made = Pool(PoolSettings(model, 1, 1, 1, 0.001, 1, 10, 10), queue)
    handle = Handle(answers)
    if started:
        made.started(handle)
    return made, handle


def gateway(tmp_path, *pools: Pool, tally: Tally | None = None) -> Gateway:
    by_name = {each.settings.model: each for each in pools}
    return Gateway(by_name, "1.0", tally or Tally("here"), Bodies(LARGEST, 10_000), LARGEST, tmp_path)


def post(app: Gateway, path: str = "/predictions/coronet", sender: Sender | None = None, **headers: str) -> Response:
    return asyncio.run(ask(app, scope(path, **headers), sender))


def test_a_worker_is_told_what_it_needs_and_its_reply_goes_out_whole(tmp_path):
    made, handle = pool()
    tally = Tally("here")
    app = gateway(tmp_path, made, tally=tally)
    response = post(app, sender=Sender(b"ab", b"c"), content_type="image/png", authorization="Bearer x", cookie="y")
    assert (response.status, response.body) == (200, b'{"label": "Healthy"}')
    assert response.headers == {"content-length": "20", "content-type": "application/json", "X-More": "yes"}
    assert handle.calls == [Call(b"abc", {"content-type": "image/png"}, False, "http", "coronet")]
    assert 'CoroNetErrors{Type="X",ModelName="coronet"' in tally.page()
    assert 'ts_inference_requests_total{model_name="coronet"' in tally.page()
    assert made.in_hand == 0


def test_an_explanation_gets_a_name_and_keeps_its_callers(tmp_path):
    made, handle = pool(model="coronet-explain")
    app = gateway(tmp_path, made)
    for headers in ({}, {"x_coronet_request": "ab" * 16}, {"x_coronet_request": "../etc"}):
        assert post(app, "/explanations/coronet-explain", **headers).status == 200
    first, second, third = (call.headers["x-coronet-request"] for call in handle.calls)
    assert second == "ab" * 16
    assert len({first, second, third}) == 3
    assert all(len(name) == 32 for name in (first, third))
    assert all(call.explain for call in handle.calls)


def test_a_tensor_is_passed_on_as_such(tmp_path):
    made, handle = pool()
    assert post(gateway(tmp_path, made), "/v2/models/coronet/infer").status == 200
    assert (handle.calls[0].protocol, handle.calls[0].model) == (OIP, "coronet")
    assert asyncio.run(ask(gateway(tmp_path, made), scope("/v2/models/coronet/infer", "GET"))).status == 405


@pytest.mark.parametrize(
    ("path", "status", "kind"),
    [
        ("/elsewhere", 404, "ResourceNotFoundException"),
        ("/predictions/resnet", 404, "ModelNotFoundException"),
        ("/predictions/coronet/2.0", 404, "ModelVersionNotFoundException"),
        ("/ping", 405, "MethodNotAllowedException"),
    ],
)
def test_what_is_not_there(tmp_path, path, status, kind):
    made, handle = pool()
    response = post(gateway(tmp_path, made), path)
    assert (response.status, response.type, handle.calls) == (status, kind, [])


def test_a_full_queue_is_said_before_a_body_is_read(tmp_path):
    made, handle = pool(never, queue=1)
    app = gateway(tmp_path, made)

    async def run() -> Response:
        waiting = [asyncio.ensure_future(ask(app, scope("/predictions/coronet"))) for _ in range(2)]
        await asyncio.sleep(0.01)
        last = Sender(b"x")
        response = await ask(app, scope("/predictions/coronet", content_length="1", expect="100-continue"), last)
        assert last.read == 0
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        return response

    response = asyncio.run(run())
    assert (response.status, response.type) == (503, "ServiceUnavailableException")
    assert (len(handle.calls), made.in_hand) == (2, 0)


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (RayActorError(), 500, "InternalServerException"),
        (RayTaskError("f", "of the patient JANE", ValueError()), 503, "ServiceUnavailableException"),
        (ZeroDivisionError("of the patient JANE"), 500, "InternalServerException"),
    ],
)
def test_a_worker_that_fails(tmp_path, error, status, kind, caplog):
    async def fail(call: Call) -> Reply:
        raise error

    made, _ = pool(fail)
    response = post(gateway(tmp_path, made))
    assert (response.status, response.type, made.in_hand) == (status, kind, 0)
    assert "JANE" not in caplog.text + response.body.decode()


def test_a_batch_that_failed_whole(tmp_path):
    async def fail(call: Call) -> Reply:
        return Reply(503, None)

    response = post(gateway(tmp_path, pool(fail)[0]))
    assert (response.status, response.type) == (503, "InternalServerException")


@pytest.mark.parametrize("path", ["/predictions/coronet", "/explanations/coronet"])
def test_of_a_caller_that_goes_nothing_is_left(tmp_path, path):
    files = ServerFiles(tmp_path / "coronet-server-1-1")
    made, handle = pool(never)
    name = "cd" * 16
    post(gateway(tmp_path, made), path, Sender(b"x", leaves=True), content_length="1", x_coronet_request=name)
    assert handle.calls == []  # it went before it had sent everything

    class Goes(Sender):
        async def receive(self):
            if self.read:
                return {"type": "http.disconnect"}
            return await super().receive()

    post(gateway(tmp_path, made), path, Goes(b"x"), x_coronet_request=name)
    assert (len(handle.calls), handle.cancelled, made.in_hand) == (1, 1, 0)
    assert files.abandoned(name) is path.startswith("/explanations")


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("/v2/health/live", 200, 200),
        ("/v2/health/ready", 503, 200),
        ("/v2/models/coronet/ready", 503, 200),
        ("/ping", 503, 200),
        ("/v2/models/coronet", 200, 200),
        ("/v2", 200, 200),
    ],
)
def test_before_and_after_the_model_is_loaded(tmp_path, path, before, after):
    made, handle = pool(started=False)
    app = gateway(tmp_path, made)
    assert asyncio.run(ask(app, scope(path, "GET"))).status == before
    assert post(app).status == 503
    made.started(handle)
    response = asyncio.run(ask(app, scope(path, "GET")))
    assert (response.status, bool(response.body)) == (after, True)
    assert asyncio.run(ask(app, scope(path, "HEAD"))).body == b""


def test_what_management_says():
    made, _ = pool()

    async def states(model: str) -> list[WorkerState]:
        return [WorkerState(7, True, 0.0), WorkerState(8, False, 0.0)]

    async def describe() -> bytes:
        return b'{"class_names": []}'

    made.describe = describe  # type: ignore[method-assign]
    app = Management({"coronet": made}, "1.0", SimpleNamespace(of=states), gpu=False)
    (found,) = json.loads(asyncio.run(ask(app, scope("/models/coronet", "GET"))).body)
    assert [(each["pid"], each["status"]) for each in found["workers"]] == [(7, "READY"), (8, "UNLOADING")]
    assert (found["modelVersion"], found["minWorkers"]) == ("1.0", 1)
    asked = scope("/models/coronet", "GET") | {"query_string": b"customized=true"}
    assert json.loads(asyncio.run(ask(app, asked)).body)[0]["customizedMetadata"] == {"class_names": []}
    others = [("/models/x", "GET"), ("/models/coronet", "PUT"), ("/token", "GET"), ("/models", "GET")]
    assert [asyncio.run(ask(app, scope(*each))).status for each in others] == [404, 405, 404, 200]


def test_an_answer_is_an_exception():
    with pytest.raises(Answer):
        raise Answer(200, b"")
