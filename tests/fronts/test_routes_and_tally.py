"""Which address asks for what, and figures of all workers added up."""

from __future__ import annotations

import pytest

from fronts.ray_serve.routes import Route, find_route
from fronts.ray_serve.tally import Tally


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/predictions/coronet", Route("predict", "coronet")),
        ("/predictions/coronet/1.0", Route("predict", "coronet", "1.0")),
        ("/predictions/coronet/1.0/a/b", Route("predict", "coronet", "1.0")),
        ("/explanations/coronet-explain", Route("explain", "coronet-explain")),
        ("/v1/models/coronet:explain", Route("explain", "coronet")),
        ("/v2", Route("server", oip=True)),
        ("/v2/models/coronet", Route("model", "coronet", oip=True)),
        ("/v2/models/coronet/versions/1.0/infer", Route("predict", "coronet", "1.0", oip=True)),
        ("/v2/models/coronet/explain", Route("explain", "coronet", oip=True)),
        ("/ping", Route("ping")),
        ("/predictions", None),
        ("/predictions/", None),
        ("/v2/models/coronet/infer/x", None),
        ("/v1/models/coronet:train", None),
        ("/", None),
    ],
)
def test_a_path_asks_for(path, route):
    assert find_route(path) == route


def test_samples_are_added_up_under_their_labels():
    tally = Tally("here")
    for label in ("Healthy", "Healthy", "COVID-19"):
        tally.take("coronet", [("CoroNetPredictions", "counter", "count", 1, {"Class": label})])
    for seconds in (0.02, 0.3, 20.0):
        tally.take("coronet", [("CoroNetStepSeconds", "histogram", "s", seconds, {"Step": "batch"})])
    tally.answered(200)
    tally.answered(307)
    tally.worked("coronet", 2.0, 0.5)
    lines = tally.page().splitlines()
    level = 'ModelName="coronet",Level="Model",Hostname="here"'
    assert f'CoroNetPredictions{{Class="Healthy",{level}}} 2' in lines
    assert f'CoroNetPredictions{{Class="COVID-19",{level}}} 1' in lines
    for bound, count in (("0.01", 0), ("0.025", 1), ("0.5", 2), ("10", 2), ("+Inf", 3)):
        assert f'CoroNetStepSeconds_bucket{{Step="batch",{level},le="{bound}"}} {count}' in lines
    assert f'CoroNetStepSeconds_sum{{Step="batch",{level}}} 20.32' in lines
    assert 'Requests2XX{Level="Host",Hostname="here"} 1' in lines
    assert 'Requests5XX{Level="Host",Hostname="here"} 1' in lines
    assert [line for line in lines if line.startswith("ts_queue")] == [
        'ts_queue_latency_microseconds{model_name="coronet",model_version="default",hostname="here"} 500000'
    ]
    assert "# TYPE CoroNetStepSeconds histogram" in lines


def test_gauges_are_read_when_the_page_is():
    waiting = [("CoroNetRequestsInHand", {"ModelName": name}, count) for name, count in (("a", 1), ('b"', 2))]
    page = Tally("here", lambda: waiting).page()
    assert page.count("# TYPE CoroNetRequestsInHand gauge") == 1
    assert 'CoroNetRequestsInHand{ModelName="b\\"",Hostname="here"} 2' in page
