"""`coronet evaluate` from command line to report and exit status."""

import csv
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from cli.main import main
from inference.predictor import Predictor
from inference.results import Prediction
from model_src.classes import CLASS_NAMES


@pytest.fixture
def data_dir(tmp_path):
    """Two 64-pixel images per class under test/, one per class under train/."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 1), ("test", 2)):
        for name in CLASS_NAMES:
            folder = tmp_path / "data" / split / name
            folder.mkdir(parents=True)
            for index in range(count):
                pixels = rng.integers(0, 256, (64, 64), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{name}-{split}-{index}.png")
    return tmp_path / "data"


def test_a_report_that_agrees_with_the_server_and_a_comparison(artefact_dir, data_dir, tmp_path, capsys, monkeypatch):
    command = ["evaluate", str(artefact_dir), str(data_dir), "--explain", "saliency", "--explain-images", "1"]
    assert main([*command, "--out", str(tmp_path / "a")]) == 0
    shown = capsys.readouterr().out
    facts = json.loads((tmp_path / "a" / "metrics.json").read_text())
    accuracy = facts["overall"]["accuracy"]
    assert accuracy["total"] == 6
    assert f"{accuracy['successes']} of 6" in shown
    assert "report.html" in shown
    assert (tmp_path / "a" / "explanations_saliency.png").is_file()
    assert (tmp_path / "a" / "reconstructions.png").is_file()
    assert facts["data"] | {"name": "data", "split": "test", "kind": "x-rays", "shared_patients": 0} == facts["data"]

    predictor = Predictor(artefact_dir)  # what a TorchServe worker runs
    with (tmp_path / "a" / "per_image.csv").open(newline="") as stream:
        for row in csv.DictReader(stream):
            (served,) = predictor.predict([predictor.read((data_dir / row["path"]).read_bytes())])
            assert isinstance(served, Prediction)
            assert row["predicted"] == CLASS_NAMES[served.label]
            for name, probability in zip(CLASS_NAMES, served.probabilities, strict=True):
                assert float(row[f"p {name}"]) == pytest.approx(probability, abs=1e-5)
            assert float(row["residual healthy"]) == pytest.approx(served.residual_means[0], abs=1e-5)

    (tmp_path / "[").mkdir()
    shutil.copytree(tmp_path / "a", tmp_path / "[" / "b]")
    monkeypatch.chdir(tmp_path)
    assert main(["evaluate", "--compare", "[/b]", "a", "--out", "c"]) == 0
    compared = capsys.readouterr().out
    assert "A: [/b], accuracy" in compared  # which rich would take for the end of bold
    assert "no difference" in compared
    comparison = json.loads((tmp_path / "c" / "comparison.json").read_text())
    assert (comparison["images"], comparison["mcnemar_p"]) == (6, 1.0)


def test_an_engine_is_checked_against_the_artefacts(artefact_dir, data_dir, tmp_path, capsys):
    command = ["evaluate", str(artefact_dir), str(data_dir), "--explain", "--engine", "openvino"]
    assert main([*command, "--out", str(tmp_path / "a")]) == 0
    assert "Engine openvino, float32, against the artefacts in float32: 0 of 6 labels" in capsys.readouterr().out
    check = json.loads((tmp_path / "a" / "metrics.json").read_text())["engine_check"]
    assert (check["engine"], check["images"], check["passed"]) == ("openvino", 6, True)
    assert "Check passed" in (tmp_path / "a" / "report.html").read_text()


def test_an_engine_that_answers_otherwise_is_status_1_and_reported(
    artefact_dir, data_dir, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr("evaluation.engine_check.TOLERANCE", -1.0)  # no answer is as near as that
    command = ["evaluate", str(artefact_dir), str(data_dir), "--explain", "--engine", "torchscript"]
    assert main([*command, "--out", str(tmp_path / "a")]) == 1
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("coronet: ")]
    assert len(said) == 1
    assert "engine check failed: torchscript in float32 changed 0 of 6 labels" in said[0]
    assert json.loads((tmp_path / "a" / "metrics.json").read_text())["engine_check"]["passed"] is False


def test_training_images_are_called_so(artefact_dir, data_dir, tmp_path, capsys):
    for split, said in (("train", "These are training images"), ("all", "Training images are among these")):
        command = ["evaluate", str(artefact_dir), str(data_dir), "--explain", "--split", split]
        assert main([*command, "--out", str(tmp_path / split)]) == 0
        assert said in " ".join(capsys.readouterr().out.split())
        assert said in (tmp_path / split / "report.html").read_text()


@pytest.mark.parametrize(
    "arguments",
    [
        ["MODEL"],
        ["MODEL", "DATA"],
        ["--compare", "A"],
        ["MODEL", "DATA", "--compare", "A", "B"],
        ["MODEL", "DATA", "--out", "R", "--split", "tset"],
        ["MODEL", "DATA", "--out", "R", "--batch-size", "0"],
        ["MODEL", "DATA", "--out", "R", "--precision", "bfloat16"],
    ],
)
def test_wrong_usage_is_status_2(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["evaluate", *arguments])
    assert stopped.value.code == 2
    assert "usage: coronet evaluate" in capsys.readouterr().err


def test_failures_are_one_line_and_status_1_and_leave_nothing(artefact_dir, data_dir, tmp_path, capsys):
    broken = data_dir / "test" / "Healthy" / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n cut")
    out = tmp_path / "report"
    for command, said in (
        ([str(tmp_path / "no-run"), str(data_dir), "--out", str(out)], "need a run folder"),
        ([str(artefact_dir), str(data_dir), "--out", str(out), "--split", "validation"], "has no validation split"),
        ([str(artefact_dir), str(data_dir), "--out", str(out), "--explain", "lime"], "method: found 'lime'"),
        ([str(artefact_dir), str(data_dir), "--out", str(data_dir)], "is not an evaluation report"),
        ([str(artefact_dir), str(data_dir), "--out", str(out)], "broken.png: cannot be read"),
        (["--compare", str(out), str(out)], "no such file or folder"),
    ):
        assert main(["evaluate", *command]) == 1
        lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("coronet: ")]
        assert len(lines) == 1
        assert said in lines[0]
        assert not out.exists()


@pytest.mark.parametrize("wrong", ["out", "model", "class", "method", "split"])
def test_all_that_can_be_refused_is_refused_before_an_image_is_classified(
    artefact_dir, data_dir, tmp_path, capsys, monkeypatch, wrong
):
    def classified(*arguments, **keywords):
        raise AssertionError("work has begun")

    monkeypatch.setattr("evaluation.run_evaluation.evaluate", classified)
    (tmp_path / "file").write_text("")
    model, out, more = artefact_dir, tmp_path / "report", []
    if wrong == "out":
        out = tmp_path / "file" / "report"
    elif wrong == "model":
        model = tmp_path / "no-model"
    elif wrong == "class":
        shutil.rmtree(data_dir / "test" / "COVID-19")
    elif wrong == "method":
        more = ["--explain", "lime"]
    else:
        more = ["--split", "validation"]
    said = {
        "out": f"--out {out}",
        "model": f"{model}: found nothing",
        "class": f"{data_dir}: ",
        "method": "method: found 'lime'",
        "split": f"{data_dir} has no validation split",
    }[wrong]
    assert main(["evaluate", str(model), str(data_dir), "--out", str(out), *more]) == 1
    assert said in capsys.readouterr().err
    assert not out.exists()


def test_a_comparison_that_cannot_be_written_is_refused_before_reports_are_read(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    out = tmp_path / "file" / "comparison"
    assert main(["evaluate", "--compare", "A", "B", "--out", str(out)]) == 1
    assert f"--out {out}" in capsys.readouterr().err


def test_unreadable_images_are_left_out_when_asked(artefact_dir, data_dir, tmp_path, capsys):
    (data_dir / "test" / "Healthy" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n cut")
    command = ["evaluate", str(artefact_dir), str(data_dir), "--out", str(tmp_path / "r"), "--explain"]
    assert main([*command, "--skip-unreadable"]) == 0
    assert "1 unreadable" in capsys.readouterr().out
    facts = json.loads((tmp_path / "r" / "metrics.json").read_text())
    assert facts["images"] == 6
    assert [skipped["path"][-10:] for skipped in facts["data"]["skipped"]] == ["broken.png"]


def test_maps_against_boxes_and_lungs(artefact_dir, data_dir, tmp_path, capsys):
    films = sorted((data_dir / "test").rglob("*.png"))
    names = [film.relative_to(data_dir).as_posix() for film in films]
    (tmp_path / "boxes.csv").write_text(
        "path,x,y,width,height\n" + "".join(f"{name},8,16,16,32\n{name},20,16,16,32\n" for name in names)
    )
    for name in names:
        mask = tmp_path / "lungs" / name
        mask.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.pad(np.full((32, 32), 255, np.uint8), 16)).save(mask)
    command = ["evaluate", str(artefact_dir), str(data_dir), "--explain", "--out", str(tmp_path / "report")]
    command += ["--map-methods", "grad_cam", "saliency"]
    assert main([*command, "--boxes", str(tmp_path / "boxes.csv"), "--lungs", str(tmp_path / "lungs")]) == 0
    facts = json.loads((tmp_path / "report" / "metrics.json").read_text())["maps"]
    assert facts["films_with_boxes"]["marked"] == 6
    assert set(facts["methods"]) == {"grad_cam", "saliency"}
    assert facts["overlapping_boxes"]["value"] == pytest.approx(4 / 28)
    assert "Maps against people's marks" in (tmp_path / "report" / "report.html").read_text()
    assert (tmp_path / "report" / "maps.png").is_file()
    assert "6 films with boxes" in capsys.readouterr().out

    (tmp_path / "boxes.csv").write_text(f"path,x,y,width,height\n{names[0]},60,16,16,32\n")
    assert main([*command, "--boxes", str(tmp_path / "boxes.csv")]) == 1
    assert "lies outside the film of 64 x 64 pixels" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [["--map-films", "3"], ["--boxes", "b.csv", "--map-films", "0"]])
def test_map_options_alone_are_refused(wrong, capsys):
    with pytest.raises(SystemExit):
        main(["evaluate", "model", "data", "--out", "report", *wrong])
    assert "--map-films" in capsys.readouterr().err
