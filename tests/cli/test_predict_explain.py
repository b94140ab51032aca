"""`coronet predict` and `coronet explain` against the fake server: what is printed, written, and returned."""

from __future__ import annotations

import base64
import json

import pytest
from PIL import Image

from cli.main import main, parse
from cli.saved_explanations import save, save_objects
from handlers.limits import Limits
from outputs import multipart
from outputs.montage import PANEL
from tests.fixtures.fake_server import EXPLANATION, PREDICTION


@pytest.fixture
def asked(fake_server):
    """Runs a command against the fake server: asked("predict", ...) -> exit status."""
    return lambda *words: main([*map(str, words), "--url", fake_server.url, "--token", "secret"])


REFUSED = (415, {"code": 415, "type": "UnsupportedImage", "message": "found a PDF, need an image"})


def test_predict_prints_a_line_per_image(asked, xray_png, capsys):
    assert asked("predict", xray_png) == 0
    captured = capsys.readouterr()
    assert captured.out == f"{xray_png}  COVID-19 0.880  (Pneumonia 0.100, Healthy 0.020)\n"
    assert captured.err.splitlines() == [
        f"coronet: {xray_png}: the image is small",
        "coronet: research use only, not for diagnosis",
    ]


CALIBRATED = {
    "prediction_set": {"90": ["COVID-19", "Pneumonia"], "95": ["COVID-19", "Pneumonia", "Healthy"]},
    "in_scope": {"value": True, "score": 0.5, "threshold": 1.0, "reason": "like the others"},
    "such_answers": {"answers": 100, "right": 69, "from": 0.8, "to": 0.9},
}


def test_an_answer_of_a_calibrated_model_is_said_in_words(asked, fake_server, xray_png, tmp_path, capsys):
    fake_server.answers = [(200, {**PREDICTION, **CALIBRATED})]
    assert asked("predict", xray_png) == 0
    assert capsys.readouterr().out.splitlines()[1].split("  ")[-1] == "I do not know: COVID-19 or Pneumonia."
    fake_server.answers = [(200, {**EXPLANATION, **CALIBRATED})]
    assert asked("explain", xray_png, "--method", "saliency", "--out", tmp_path / "out") == 0
    assert capsys.readouterr().out.splitlines()[1] == "  I do not know: COVID-19 or Pneumonia."
    assert asked("explain", xray_png, "--method", "saliency", "--out", tmp_path / "uncalibrated") == 0
    said, unsaid = (opened(tmp_path / name / "xray.montage.png") for name in ("out", "uncalibrated"))
    assert said.height - unsaid.height == 22  # the picture says it too, in a line of its own


def test_predict_json_is_the_servers_answer_with_the_file(asked, xray_png, capsys):
    assert asked("predict", "--json", xray_png, xray_png) == 0
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert first == second
    assert first["file"] == str(xray_png)
    assert first["probabilities"]["COVID-19"] == 0.88
    assert "research use only, not for diagnosis" in first["warnings"]


def test_failing_images_are_named_and_the_rest_go_on(asked, fake_server, xray_png, tmp_path, capsys):
    fake_server.answers = [REFUSED]
    pdf, missing = tmp_path / "report.pdf", tmp_path / "missing.png"
    pdf.write_bytes(b"%PDF")
    assert asked("predict", pdf, missing, tmp_path, xray_png) == 1
    captured = capsys.readouterr()
    assert [line.split()[0] for line in captured.out.splitlines()] == [str(xray_png)]
    assert captured.err.splitlines()[:3] == [
        f"coronet: {pdf}: found a PDF, need an image (UnsupportedImage)",
        f"coronet: {missing}: cannot be read: No such file or directory",
        f"coronet: {tmp_path}: is a folder, need image files: add -r to ask about all images in it and below it",
    ]


def test_an_empty_file_is_the_servers_to_judge(asked, fake_server, tmp_path):
    empty = tmp_path / "empty.png"
    empty.touch()
    fake_server.answers = [(400, {"code": 400, "type": "InvalidImage", "message": "no bytes"})]
    assert asked("predict", empty) == 1
    assert len(fake_server.requests) == 1


def test_without_a_server_the_first_image_is_the_last(xray_png, capsys):
    assert main(["predict", str(xray_png), str(xray_png), "--url", "http://127.0.0.1:1", "--token", "t"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("coronet: no server at http://127.0.0.1:1")


def test_explain_saves_every_picture_and_the_figures(asked, xray_png, tmp_path, capsys):
    out = tmp_path / "new" / "out"
    assert asked("explain", xray_png, "--method", "saliency", "--target", "COVID-19", "--out", out) == 0
    assert sorted(path.name for path in out.iterdir()) == [
        "xray.montage.png",
        "xray.saliency.heatmap.png",
        "xray.saliency.json",
        "xray.saliency.overlay.png",
        "xray.saliency.residual_healthy.png",
    ]
    with Image.open(out / "xray.saliency.overlay.png") as overlay:
        assert overlay.getpixel((0, 0)) == (255, 0, 0)
    facts = json.loads((out / "xray.saliency.json").read_text())
    assert facts["heatmap"] == [[0.0, 1.0], [0.5, 0.25]]
    assert "overlay_png" not in facts
    label, head, row, saved = capsys.readouterr().out.splitlines()
    assert label == f"{xray_png}  COVID-19 0.880  (Pneumonia 0.100, Healthy 0.020)"
    assert head.split() == ["method", "target", "P", "before", "P", "after", "deletion", "insertion"]
    assert row.split() == ["saliency", "COVID-19", "0.880", "0.050", "0.210", "0.800"]
    assert saved.strip() == f"saved as {out}/xray.*"


def test_explain_sends_only_the_options_given(asked, fake_server, xray_png, tmp_path):
    asked("explain", xray_png, "--out", tmp_path, "--steps", 7, "--option", "perturbation=healthy")
    body = fake_server.requests[0].body
    fields = [part.split(b'"')[1].decode() for part in body.split(b"form-data; name=")[1:]]
    assert sorted(fields) == ["data", "method", "perturbation", "steps"]
    assert b"meaningful_perturbation" in body


@pytest.mark.parametrize("name", ["method", "target", "format", "data", "body", "instances", "image", "name"])
def test_an_option_cannot_set_what_the_command_itself_sends(asked, fake_server, xray_png, tmp_path, capsys, name):
    with pytest.raises(SystemExit) as ended:
        asked("explain", xray_png, "--out", tmp_path, "--option", f"{name}=saliency")
    assert ended.value.code == 2
    assert f"found '{name}=saliency', need another field than {name}: " in capsys.readouterr().err
    assert not fake_server.requests


def test_an_option_that_one_method_lacks_fails_for_it_alone(asked, fake_server, xray_png, tmp_path, capsys):
    refusal = {"code": 400, "type": "InvalidRequest", "message": "'tv': no such field for saliency"}
    fake_server.answers = [(400, refusal)]
    methods = "saliency,meaningful_perturbation"
    assert asked("explain", xray_png, "--method", methods, "--option", "tv=1", "--out", tmp_path / "out") == 1
    assert b'name="tv"' in fake_server.requests[1].body
    assert (tmp_path / "out" / "xray.meaningful_perturbation.json").is_file()
    assert "no such field for saliency" in capsys.readouterr().err


def test_several_methods_have_a_row_each(asked, fake_server, xray_png, tmp_path):
    assert asked("explain", xray_png, "--method", "saliency", "--out", tmp_path / "one") == 0
    assert asked("explain", xray_png, "--method", "saliency, grad_cam,saliency", "--out", tmp_path / "two") == 0
    assert len(fake_server.requests) == 3  # each method once
    one, two = (opened(tmp_path / name / "xray.montage.png") for name in ("one", "two"))
    assert two.width == one.width > 2 * PANEL
    assert two.height > one.height + PANEL * 6 // 8  # the pictures are 8 x 6 pixels


@pytest.mark.parametrize(
    ("target", "asked_for"),
    [("all", ["Healthy", "Pneumonia", "COVID-19"]), ("COVID-19, Healthy,COVID-19", ["COVID-19", "Healthy"])],
)
def test_several_classes_are_asked_for_one_by_one(asked, fake_server, xray_png, tmp_path, target, asked_for):
    fake_server.answers = [(200, {**EXPLANATION, "target": name}) for name in asked_for]
    assert asked("explain", xray_png, "--method", "saliency", "--target", target, "--out", tmp_path / "out") == 0
    sent = [r.body.partition(b'name="target"\r\n\r\n')[2].partition(b"\r\n")[0].decode() for r in fake_server.requests]
    assert sent == asked_for
    assert {path.name for path in (tmp_path / "out").glob("*.json")} == {
        f"xray.saliency.{name}.json" for name in asked_for
    }


def test_explanations_are_waited_for_longer_than_a_server_works_on_one():
    words = ["explain", "x.png", "--out", "d"]
    assert parse(words).timeout > Limits().explain_seconds


def test_one_refused_method_does_not_stop_the_others(asked, fake_server, xray_png, tmp_path, capsys):
    fake_server.answers = [(400, {"code": 400, "type": "InvalidRequest", "message": "steps: found 9000"})]
    out = tmp_path / "out"
    assert asked("explain", xray_png, "--method", "occlusion,saliency", "--out", out) == 1
    assert (out / "xray.saliency.json").is_file()
    assert "steps: found 9000" in capsys.readouterr().err


def test_images_of_the_same_name_do_not_share_files(asked, xray_png, tmp_path):
    other = tmp_path / "other" / "xray.png"
    other.parent.mkdir()
    other.write_bytes(xray_png.read_bytes())
    out = tmp_path / "out"
    assert asked("explain", xray_png, other, "--method", "saliency", "--out", out) == 0
    assert len(list(out.glob("*.json"))) == 2


def test_a_servers_field_names_cannot_lead_out_of_the_directory(tmp_path):
    data = base64.b64encode(b"x").decode()
    saved = save({"../../evil_png": data, "good_png": data}, tmp_path / "out", "x.m")
    assert sorted(path.name for path in saved) == ["x.m.good.png", "x.m.json"]
    assert not list(tmp_path.glob("*evil*"))


OBJECTS = {"report": b"DICM1", "map": b"DICM2"}


@pytest.fixture
def dicom_server(fake_server):
    """The fake server, answering in DICOM."""
    fake_server.content_type = multipart.content_type("application/dicom")
    fake_server.answers = [(200, multipart.join_parts(OBJECTS, "application/dicom"))] * 4
    return fake_server


def test_explain_saves_dicom_objects_under_their_names(asked, dicom_server, xray_png, tmp_path, capsys):
    out = tmp_path / "out"
    assert asked("explain", xray_png, "--out", out, "--format", "dicom", "--method", "saliency,occlusion") == 0
    assert {path.name: path.read_bytes() for path in out.iterdir()} == {
        f"xray.{method}.{name}.dcm": content
        for method in ("saliency", "occlusion")
        for name, content in OBJECTS.items()
    }
    assert (
        capsys.readouterr().out.splitlines()[0]
        == f"{xray_png}  saliency: report, map, saved as {out}/xray.saliency.*.dcm"
    )


def test_dicom_objects_of_several_classes_have_the_class_in_their_names(asked, dicom_server, xray_png, tmp_path):
    out = tmp_path / "out"
    words = ("--format", "dicom", "--method", "saliency", "--target", "0,covid-19")
    assert asked("explain", xray_png, "--out", out, *words) == 0
    assert {path.name for path in out.glob("*.report.dcm")} == {
        "xray.saliency.Healthy.report.dcm",
        "xray.saliency.COVID-19.report.dcm",
    }


def test_an_image_that_cannot_have_dicom_is_refused_once(asked, fake_server, xray_png, tmp_path, capsys):
    message = "found a PNG file, need a DICOM file for an answer in DICOM; ask for application/json"
    fake_server.answers = [(406, {"code": 406, "type": "NotAcceptable", "message": message})]
    assert asked("explain", xray_png, "--out", tmp_path / "out", "--format", "dicom", "--method", "all") == 1
    assert capsys.readouterr().err.splitlines()[0] == f"coronet: {xray_png}: {message} (NotAcceptable)"
    assert len(fake_server.requests) == 1
    assert not list((tmp_path / "out").glob("*"))


def test_a_part_of_an_odd_name_cannot_lead_out_of_the_directory(tmp_path):
    save_objects({"../../evil": b"DICM"}, tmp_path / "out", "x")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["x.object.dcm"]


def opened(path):
    with Image.open(path) as picture:
        return picture.convert("RGB")
