"""`coronet predict` and `coronet explain` against the fake server: what is printed, written, and returned."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from PIL import Image

from client.cli import main
from client.commands.explain import save, unique_names
from client.montage import PANEL, write_montage


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
        f"coronet: {tmp_path}: is a directory, need image files: try {tmp_path}/*",
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


def test_several_methods_make_a_montage(asked, fake_server, xray_png, tmp_path):
    out = tmp_path / "out"
    assert asked("explain", xray_png, "--method", "saliency, grad_cam,saliency", "--out", out) == 0
    assert len(fake_server.requests) == 2  # each method once
    with Image.open(out / "xray.montage.png") as montage:
        assert montage.width > 2 * PANEL


def test_one_refused_method_does_not_stop_the_others(asked, fake_server, xray_png, tmp_path, capsys):
    fake_server.answers = [(400, {"code": 400, "type": "InvalidRequest", "message": "method: found guess"})]
    out = tmp_path / "out"
    assert asked("explain", xray_png, "--method", "guess,saliency", "--out", out) == 1
    assert (out / "xray.saliency.json").is_file()
    assert "method: found guess" in capsys.readouterr().err


def test_images_of_the_same_name_do_not_share_files(asked, xray_png, tmp_path):
    other = tmp_path / "other" / "xray.png"
    other.parent.mkdir()
    other.write_bytes(xray_png.read_bytes())
    out = tmp_path / "out"
    assert asked("explain", xray_png, other, "--method", "saliency", "--out", out) == 0
    assert len(list(out.glob("*.json"))) == 2


def test_unique_names():
    paths = [Path("a/x.png"), Path("b/x.png"), Path("b/X.jpg"), Path("y.png")]
    names = unique_names(paths)
    assert len({name.lower() for name in names}) == 4
    assert names[3] == "y"
    assert names[0].startswith("x.png-")
    assert unique_names(paths[1:])[0] == names[1]  # whatever else is asked about


def test_a_servers_field_names_cannot_lead_out_of_the_directory(tmp_path):
    data = base64.b64encode(b"x").decode()
    saved = save({"../../evil_png": data, "good_png": data}, tmp_path / "out", "x.m")
    assert sorted(path.name for path in saved) == ["x.m.good.png", "x.m.json"]
    assert not list(tmp_path.glob("*evil*"))


def test_montage_of_pictures_of_different_shape(tmp_path):
    from io import BytesIO

    def answer(size: tuple[int, int], color: str) -> dict:
        buffer = BytesIO()
        Image.new("RGB", size, color).save(buffer, format="PNG")
        return {
            "overlay_png": base64.b64encode(buffer.getvalue()).decode(),
            "method": "m",
            "target": "Healthy",
            "target_probability": {"original": 1.0, "perturbed": 0.0},
            "faithfulness": {"deletion": 0.0, "insertion": 1.0},
        }

    write_montage("x", [answer((10, 10), "red"), answer((10, 20), "blue")], tmp_path / "montage.png")
    with Image.open(tmp_path / "montage.png") as montage:
        picture = montage.copy()
    row = [picture.getpixel((x, 60)) for x in range(picture.width)]
    assert row.count((255, 0, 0)) == row.count((0, 0, 255)) == PANEL
    column = [picture.getpixel((row.index((0, 0, 255)) + 5, y)) for y in range(picture.height)]
    assert column.count((0, 0, 255)) == 2 * PANEL
