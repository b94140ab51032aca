"""`coronet certify` from boxes to what a server says."""

import json

import pytest

from archive.build import build_archive
from cli.main import main
from evaluation.classifiers import load_classifier
from explanations import parse_options
from inference.predictor import Predictor
from tests.fixtures.short_run import recipe, stripes, whole  # noqa: F401 (fixtures)
from train.runs.export import export_run


@pytest.fixture
def run_dir(whole, tmp_path):  # noqa: F811
    """A copy of a finished run."""
    import shutil

    folder = tmp_path / "run"
    shutil.copytree(whole.path, folder, ignore=shutil.ignore_patterns("cache", "checkpoints"))
    return folder


@pytest.fixture
def boxes(stripes, tmp_path):  # noqa: F811
    """A box on every film."""
    names = sorted(path.relative_to(stripes).as_posix() for path in stripes.rglob("*.png"))
    rows = [f"{name},{index % 9},{index % 7},{8 + index % 5},12" for index, name in enumerate(names)]
    table = tmp_path / "boxes.csv"
    table.write_text("\n".join(["path,x,y,width,height", *rows]) + "\n")
    return table


def test_a_certificate_goes_with_the_weights_and_is_said(run_dir, stripes, boxes, tmp_path, capsys):  # noqa: F811
    command = ["certify", str(run_dir), str(stripes), "--boxes", str(boxes), "--split", "train", "--films", "4"]
    command += ["--methods", "saliency", "grad_cam", "--retrained", str(run_dir), "--device", "cpu"]
    assert main(command) == 0
    said = capsys.readouterr().out
    assert "saliency: stood" in said
    assert "tests on 4 films" in said
    assert "reproducibility not made (no other architecture was given)" in said
    facts = json.loads((run_dir / "certificate.json").read_text())
    by_test = {result["test"]: result for result in facts["methods"]["saliency"]}
    assert by_test["repeatability"]["figure"] == pytest.approx(1)  # the same weights, and no random numbers
    assert "autoencoders too" in by_test["randomisation"]["parts"]

    artefacts = tmp_path / "artefacts"
    export_run(run_dir, artefacts)
    archive = build_archive(artefacts, tmp_path / "store")
    for model in (run_dir, artefacts, archive):
        assert set(load_classifier(model, "cpu").provenance["certificate"]) == {"saliency", "grad_cam"}
    predictor = Predictor(artefacts)
    assert predictor.describe()["certificate"]["saliency"] in said
    xray = predictor.read(next(stripes.rglob("*.png")).read_bytes())
    (certified,) = predictor.explain([xray], parse_options({"method": "saliency", "score_steps": 4}))
    assert certified.details["certificate"] in said
    (other,) = predictor.explain([xray], parse_options({"method": "occlusion", "score_steps": 4, "steps": 9}))
    assert "certificate" not in other.details

    report = tmp_path / "report"
    assert main(["evaluate", str(run_dir), str(stripes), "--split", "train", "--explain", "--out", str(report)]) == 0
    page = (report / "report.html").read_text()
    assert "Certificate of the explanations" in page
    assert "Stood" in page

    (run_dir / "certificate.json").write_text(json.dumps(facts | {"weights": {}}))
    assert main(["export", str(run_dir), "--out", str(tmp_path / "again")]) == 1
    assert "was made with other weights than those beside it" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--methods", "magic"], "method: found 'magic'"),
        (["--split", "test"], "test"),
        (["--architecture", "nowhere"], "nowhere: found nothing"),
        (["--boxes", "nowhere.csv"], "nowhere.csv: not found"),
    ],
)
def test_what_cannot_be_certified_is_one_line(run_dir, stripes, boxes, capsys, change, message):  # noqa: F811
    command = ["certify", str(run_dir), str(stripes), "--boxes", str(boxes), "--split", "train", "--films", "4"]
    assert main([*command, *change]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert not (run_dir / "certificate.json").exists()
