"""A published run is half the size and gives the same predictions to half precision."""

from __future__ import annotations

import json
import resource
from pathlib import Path

import pytest
import torch

from model_src.errors import RunError
from model_src.file_digest import file_digest
from model_src.networks.cin import CIN
from model_src.networks.fpae import FPAE
from train.recipe import load_recipe
from train.runs.export import export_run
from train.runs.publish import main, publish_run, record_report
from train.runs.run_folder import RunFolder, load_model
from train.runs.run_record import DataSummary, RunRecord


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A finished run with seeded weights."""
    torch.manual_seed(0)
    run = RunFolder(tmp_path / "run")
    recipe = load_recipe("quick").changed(image_size=32)
    facts = {"data": DataSummary(), "cin_trained": True, "trained_on": "x-rays"}
    run.create(RunRecord(model="coronet", recipe=recipe, seed=0, **facts))
    for stage, network in (("fpae_healthy", FPAE()), ("fpae_pneumonia", FPAE()), ("cin", CIN())):
        run.save_weights(stage, network.state_dict(), {"epoch": 1})
    (run.path / "history.csv").write_text("stage,epoch\n")
    return run


def test_published_run_is_half_the_size_and_exports(run: RunFolder, tmp_path: Path) -> None:
    publish_run(run.path, tmp_path / "published")
    sizes = [sum(path.stat().st_size for path in folder.glob("*.pt")) for folder in (run.path, tmp_path / "published")]
    assert sizes[1] == pytest.approx(sizes[0] / 2, rel=0.02)
    x = torch.rand(2, 1, 32, 32)
    predictions = [load_model(RunFolder(folder)).classify(x) for folder in (run.path, tmp_path / "published")]
    assert torch.allclose(predictions[0].probabilities, predictions[1].probabilities, atol=5e-3)
    assert export_run(tmp_path / "published", tmp_path / "artefacts").trained_on == "x-rays"


def test_a_folder_with_anything_else_is_not_replaced(run: RunFolder, tmp_path: Path) -> None:
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "build.py").write_text("precious")
    with pytest.raises(RunError, match=r"archive: would be replaced, and is no published run \(found build\.py\)"):
        publish_run(run.path, tmp_path / "archive")
    assert (tmp_path / "archive" / "build.py").read_text() == "precious"
    for _ in range(2):  # a published run is
        publish_run(run.path, tmp_path / "published")


def test_report_goes_into_the_metrics_if_it_is_of_these_weights(run: RunFolder, tmp_path: Path) -> None:
    published, report = tmp_path / "published", tmp_path / "report"
    publish_run(run.path, published)
    digests = {path.name: file_digest(path) for path in published.glob("*.pt")}
    typed = "coronet evaluate published /data/films --boxes /data/films/boxes.csv --outside /home/me/a.txt --out /tmp/r"
    figures = {"accuracy": 0.5, "command": typed, "model": {"path": "/home/me/run", "sha256": digests}}
    report.mkdir()
    (report / "metrics.json").write_text(json.dumps(figures))
    record_report(published, report, earlier_models=2, remarks=["Read this."])
    metrics = RunFolder(published).read_metrics()
    assert metrics["test"] == {
        "accuracy": 0.5,
        "command": "coronet evaluate published DATA_DIR --boxes DATA_DIR/boxes.csv --outside a.txt --out REPORT_DIR",
        "model": {"sha256": digests},
        "earlier_models": 2,
        "remarks": ["Read this."],
    }
    assert metrics["cin"] == {"epoch": 1}
    digests["cin.pt"] = "0" * 64
    (report / "metrics.json").write_text(json.dumps(figures))
    with pytest.raises(RunError, match=r"report: an evaluation of other weights than .*cin\.pt; evaluate"):
        record_report(published, report)
    for text in ("{", "[]", "{}"):
        (report / "metrics.json").write_text(text)
        with pytest.raises(RunError, match=r"report: metrics\.json is missing or not of an evaluation"):
            record_report(published, report)
    assert RunFolder(published).read_metrics() == metrics


@pytest.mark.parametrize(
    "more", [["--earlier-models", "2"], ["--report", "report", "--earlier-models", "-1"], ["--remark", "Read this."]]
)
def test_a_count_of_earlier_models_needs_a_report_and_no_sign(
    more: list[str], run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["publish", str(run.path), str(tmp_path / "published"), *more])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "--earlier-models must be at least 0, and goes with --report" in capsys.readouterr().err
    assert not (tmp_path / "published").exists()


def test_weights_beyond_half_precision_are_refused(run: RunFolder, tmp_path: Path) -> None:
    weights = run.load_weights("cin")
    weights["fc.bias"][0] = 1e6
    run.save_weights("cin", weights, {})
    with pytest.raises(RunError, match=r"cin fc\.bias does not fit half precision"):
        publish_run(run.path, tmp_path / "published")
    assert not (tmp_path / "published").exists()


def test_a_full_disk_is_one_line_and_leaves_nothing(
    run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    monkeypatch.setattr("sys.argv", ["publish", str(run.path), str(tmp_path / "published")])
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))  # no file can be longer: as on a full disk
    try:
        assert main() == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "publish: [Errno 27] File too large" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
