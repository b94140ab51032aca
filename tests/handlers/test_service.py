"""Batches of mixed requests: each is answered as if it had come alone."""

from __future__ import annotations

import base64
import json
import logging
import time
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from explanations.deadline import Deadline
from explanations.time_limit import Pace
from handlers import service
from handlers.limits import Limits
from handlers.measurements import Measurements
from handlers.service import Request, respond

SALIENCY = {"method": b"saliency", "steps": b"1", "score_steps": b"4"}


@pytest.fixture
def answer(predictor):
    """answer(call, ..., limits) -> responses."""

    def run(*calls, limits=None):
        return respond(predictor, limits or Limits(), calls)

    return run


@pytest.fixture
def black(make_png):
    return make_png(0)


def predict(image):
    return Request({"body": bytearray(image)}, explain=False)


def explain(image, **fields):
    return Request({"data": bytearray(image), **SALIENCY, **fields}, explain=True)


def listed(*images, explain=False, **fields):
    instances = [{"data": base64.b64encode(image).decode()} for image in images]
    return Request({"body": {"instances": instances, **fields}}, explain=explain)


def message(response):
    return json.loads(response.body)["message"]


def test_each_request_of_a_mixed_batch_is_answered_as_alone(answer, make_png, chest_png):
    calls = [
        predict(make_png(0)),
        explain(chest_png),
        predict(b"no image"),
        listed(make_png(0), make_png(255)),
        explain(chest_png, target=b"COVID-19", format=b"png"),
        explain(chest_png, method=b"magic"),
        predict(make_png(255)),
        Request({}, explain=False),
        predict(b"%PDF-1.7 ..."),
    ]
    responses = answer(*calls)
    assert [response.status for response in responses] == [200, 200, 400, 200, 200, 400, 200, 400, 415]
    assert responses == [answer(call)[0] for call in calls]
    assert json.loads(responses[0].body)["label"] == "Pneumonia"
    assert json.loads(responses[1].body)["method"] == "saliency"
    assert [part["label"] for part in json.loads(responses[3].body)["predictions"]] == ["Pneumonia", "Healthy"]
    assert responses[4].content_type == "image/png"
    assert responses[4].body.startswith(b"\x89PNG")
    assert "magic" in message(responses[5])


def test_all_predictions_of_a_batch_are_made_together(answer, predictor, make_png, monkeypatch):
    seen = []
    predict_all = predictor.predict
    monkeypatch.setattr(predictor, "predict", lambda xrays: seen.append(len(xrays)) or predict_all(xrays))
    answer(predict(make_png(0)), predict(b"broken"), listed(make_png(0), make_png(255)), predict(make_png(9)))
    assert seen == [4]


def test_a_defect_met_by_one_request_stays_its_own(answer, predictor, make_png, black, monkeypatch, caplog):
    predict_all = predictor.predict

    def fails_on_white(xrays):
        if any(float(xray.tensor.mean()) > 0.9 for xray in xrays):
            raise RuntimeError("secret detail")
        return predict_all(xrays)

    monkeypatch.setattr(predictor, "predict", fails_on_white)
    with caplog.at_level(logging.ERROR):
        first, second, third = answer(predict(black), predict(make_png(255)), predict(black))
    assert (first.status, second.status, third.status) == (200, 500, 200)
    assert first == third
    assert "secret" not in second.body.decode()
    # the log has kind and place, and no message: it could quote the image's header
    assert "RuntimeError at" in caplog.text
    assert "test_service.py:" in caplog.text
    assert "secret" not in caplog.text


def test_memory_error_while_decoding_is_507_for_that_request(answer, predictor, make_png, black, monkeypatch):
    white = make_png(255)
    read = predictor.read

    def read_small(image):
        if image == white:
            raise MemoryError
        return read(image)

    monkeypatch.setattr(predictor, "read", read_small)
    responses = answer(predict(black), predict(white), explain(white), predict(black))
    assert [response.status for response in responses] == [200, 507, 507, 200]
    assert json.loads(responses[1].body)["type"] == "OutOfMemory"


def test_lost_device_is_raised(answer, predictor, black, monkeypatch):
    def assertion(xrays):
        raise RuntimeError("CUDA error: device-side assert triggered")

    monkeypatch.setattr(predictor, "predict", assertion)
    with pytest.raises(RuntimeError, match="device-side assert"):
        answer(predict(black))


def test_bad_image_of_a_list_is_named(answer, black):
    for explanation in (False, True):
        fields = {"method": "saliency", "steps": 1, "score_steps": 4} if explanation else {}
        (response,) = answer(listed(black, b"%PDF-1.7", b"broken", explain=explanation, **fields))
        assert response.status == 415
        assert message(response).startswith("instances[1]: found a PDF")


def test_list_of_explanations_keeps_order_and_own_options(answer, make_png):
    images = [make_png(gray) for gray in (0, 255, 60)]
    call = listed(*images, explain=True, method="saliency", steps=1, score_steps=4)
    call.row["body"]["instances"][1]["method"] = "grad_cam"
    call.row["body"]["instances"][1]["steps"] = None
    (response,) = answer(call)
    answers = json.loads(response.body)["predictions"]
    assert [part["method"] for part in answers] == ["saliency", "grad_cam", "saliency"]
    assert [part["label"] for part in answers] == ["Pneumonia", "Healthy", "Healthy"]


def test_images_that_differ_in_the_target_alone_are_explained_together(answer, predictor, make_png, monkeypatch):
    seen = []
    explain_all = predictor.explain
    monkeypatch.setattr(
        predictor, "explain", lambda xrays, *rest: seen.append((len(xrays), rest[1])) or explain_all(xrays, *rest)
    )
    images = [make_png(gray) for gray in (0, 255, 60)]
    call = listed(*images, explain=True, method="meaningful_perturbation", steps=3, score_steps=4)
    call.row["body"]["instances"][0]["target"] = "COVID-19"
    call.row["body"]["instances"][2]["target"] = 0
    (response,) = answer(call)
    assert seen == [(3, [2, None, 0])]
    together = json.loads(response.body)["predictions"]
    assert [part["target"] for part in together] == ["COVID-19", "Healthy", "Healthy"]
    fields = {"method": b"meaningful_perturbation", "steps": b"3", "target": b"COVID-19"}
    alone = json.loads(answer(explain(make_png(0), **fields))[0].body)
    for row, other in zip(together[0]["heatmap"], alone["heatmap"], strict=True):
        assert row == pytest.approx(other, abs=2e-4)
    assert together[0]["faithfulness"] == pytest.approx(alone["faithfulness"], abs=1e-5)


def test_an_explanation_is_told_what_is_left_of_the_servers_time(answer, predictor, chest_png, monkeypatch):
    given = []
    explain_all = predictor.explain
    monkeypatch.setattr(predictor, "explain", lambda *args: given.append(args[3]) or explain_all(*args))
    before = time.monotonic()
    answer(explain(chest_png), listed(chest_png, chest_png, explain=True, method="saliency", score_steps=4))
    alone, first, last = (deadline.at - before for deadline in given)
    assert alone == pytest.approx(600, abs=20)
    assert first == pytest.approx(300, abs=20)  # half of the time, for one image of two
    assert last == pytest.approx(600, abs=20)
    assert [deadline.why for deadline in given] == [
        "the server's limit of 600 s",
        *["the server's limit of 600 s for this list"] * 2,
    ]


def test_an_explanation_that_the_servers_time_ends_is_told_so(answer, predictor, chest_png, monkeypatch):
    explain_all = predictor.explain
    over = Deadline.after(-1, "the server's limit of 600 s")
    monkeypatch.setattr(predictor, "explain", lambda *args: explain_all(*args[:3], over))
    refused, cut = answer(explain(chest_png), explain(chest_png, method=b"meaningful_perturbation", steps=b"9"))
    assert refused.status == 400
    assert message(refused).startswith("steps: the map was not done when the server's limit of 600 s was reached")
    assert (
        "the server's limit of 600 s reached: this is the best mask found by then" in json.loads(cut.body)["warnings"]
    )


def test_a_target_that_is_hardly_there_is_answered_with_a_warning(answer, chest_png):
    response = json.loads(answer(explain(chest_png, target=b"COVID-19"))[0].body)  # its logit is -3, Healthy's 0
    assert response["target_probability"]["original"] < 0.05
    assert any("there is hardly anything to explain" in text for text in response["warnings"])


def test_list_cannot_be_pictures(answer, black):
    (response,) = answer(listed(black, explain=True, method="saliency", format="png"))
    assert response.status == 400
    assert message(response).startswith("instances[0]: format: png")


def test_too_long_an_explanation_is_refused_with_what_fits(answer, predictor, black, monkeypatch):
    monkeypatch.setattr(predictor, "pace", Pace(forward=1.0, gradient=3.0, mask_step=2.0))
    limits = Limits(explain_seconds=100)
    within = Request({"data": bytearray(black), "method": b"integrated_gradients", "steps": b"500"}, explain=True)
    response, neighbour = answer(within, predict(black), limits=limits)
    assert response.status == 400
    assert message(response).startswith("steps: 500 steps")
    assert neighbour.status == 200


def test_a_batch_out_of_time_starts_no_further_explanation(answer, chest_png, black, monkeypatch):
    clock = iter([0.0, 1.0, 1.0, 2.0, 601.0])  # start of the batch; first request and its explanation; second
    monkeypatch.setattr(service, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    responses = answer(explain(chest_png), explain(chest_png), predict(black))
    assert [response.status for response in responses] == [200, 503, 200]
    assert json.loads(responses[1].body)["type"] == "Overloaded"


def test_answer_above_the_servers_limit_is_refused(answer, black):
    first, second = answer(predict(black), listed(*[black] * 8), limits=Limits(max_answer_bytes=1000))
    assert first.status == 200
    assert second.status == 400
    assert "1000" in message(second)


def test_no_header_or_image_reaches_the_log(answer, black, caplog):
    with caplog.at_level(logging.DEBUG):
        answer(predict(black), Request({"data": b"private-bytes", "method": b"x"}, explain=True))
    assert "private" not in caplog.text


def test_a_batch_is_measured(predictor, make_png, chest_png):
    measured = Measurements()
    calls = [predict(make_png(0)), listed(make_png(0), make_png(255)), predict(b"%PDF-1.7"), explain(chest_png)]
    respond(predictor, Limits(), [*calls, explain(chest_png, method=b"magic")], measured)
    assert measured.predictions == {"Pneumonia": 2, "Healthy": 1}
    assert measured.errors == {"UnsupportedImage": 1, "InvalidRequest": 1}
    # black: 0.5 and 0.7311, twice; white: 1 - sigmoid(1) and 1 - sigmoid(2)
    assert measured.residuals["healthy"] == pytest.approx([0.5, 0.5, 0.2689], abs=1e-4)
    assert measured.residuals["pneumonia"] == pytest.approx([0.7311, 0.7311, 0.1192], abs=1e-4)
    # images read (the PDF too), one forward for all predictions, responses written
    assert {step: len(times) for step, times in measured.seconds.items()} == {"decode": 5, "chain": 1, "encode": 3}
    assert [*measured.explanation_seconds] == ["saliency"]
    assert all(0 < seconds < 60 for times in measured.seconds.values() for seconds in times)


@pytest.mark.parametrize(("seconds", "status"), [(0.0, 307), (1e-6, 307), (60.0, 200)])
def test_an_explanation_that_takes_longer_than_it_may_here_is_sent_elsewhere(predictor, chest_png, seconds, status):
    (response,) = respond(predictor, Limits(), [explain(chest_png)], explaining=lambda: nullcontext(seconds))
    assert response.status == status
