"""A run's calibration.json: written by a training, by the command, carried along, refused with other weights."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from cli.main import main
from model_src.artefacts import load_calibration, read_info
from model_src.calibration.file import CALIBRATION_NAME
from model_src.classes import CLASS_NAMES
from model_src.errors import ArtefactError
from train.runs.export import export_run
from train.runs.publish import publish_run
from train.runs.run_folder import RunFolder


@pytest.fixture
def copy(whole: RunFolder, tmp_path: Path) -> RunFolder:
    """A finished run of its own."""
    return RunFolder(Path(shutil.copytree(whole.path, tmp_path / "run")))


def test_a_training_writes_it_from_validation_films(whole: RunFolder) -> None:
    calibration = whole.calibration()
    assert calibration is not None
    assert calibration.films == dict.fromkeys(CLASS_NAMES, 2)
    assert calibration.patients == 6
    assert sum(band.answers for bands in calibration.reliability.values() for band in bands) == 6
    # Two films of a class are too few for 90%, six too few for a scope; both are said, neither made up.
    assert calibration.always_in_set() == {"90": list(CLASS_NAMES), "95": list(CLASS_NAMES)}
    assert calibration.scope is None


def test_the_command_writes_the_same(copy: RunFolder, stripes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written = (copy.path / CALIBRATION_NAME).read_bytes()
    (copy.path / CALIBRATION_NAME).unlink()
    assert main(["calibrate", str(copy.path), str(stripes), "--device", "cpu"]) == 0
    assert (copy.path / CALIBRATION_NAME).read_bytes() == written
    said = capsys.readouterr().out
    assert "2 Healthy, 2 Pneumonia, 2 COVID-19 validation films of 6 patients" in said
    assert "every 95% set holds Healthy and Pneumonia and COVID-19: too few validation films to leave it out" in said
    assert "need 20 validation films" in said


def test_export_carries_it_and_notices_another(copy: RunFolder, tmp_path: Path) -> None:
    export_run(copy.path, tmp_path / "artefacts")
    found = load_calibration(tmp_path / "artefacts", read_info(tmp_path / "artefacts"))
    assert found == copy.calibration()
    file = tmp_path / "artefacts" / CALIBRATION_NAME
    file.write_text(file.read_text(encoding="utf-8").replace('"patients": 6', '"patients": 7'), encoding="utf-8")
    with pytest.raises(ArtefactError, match=r"SHA-256 is .*changed or damaged after export"):
        load_calibration(tmp_path / "artefacts", read_info(tmp_path / "artefacts"))
    file.unlink()
    with pytest.raises(ArtefactError, match=r"calibration.json: not found; export the run again"):
        load_calibration(tmp_path / "artefacts", read_info(tmp_path / "artefacts"))


def test_a_run_without_one_exports_as_before(copy: RunFolder, tmp_path: Path) -> None:
    (copy.path / CALIBRATION_NAME).unlink()
    info = export_run(copy.path, tmp_path / "artefacts")
    assert load_calibration(tmp_path / "artefacts", info) is None
    written = sorted(path.name for path in (tmp_path / "artefacts").iterdir())
    assert written == ["artefacts.json", "cin.pt", "cin.pt2", "tfen.pt", "tfen.pt2"]


def test_other_weights_are_one_line(copy: RunFolder, tmp_path: Path) -> None:
    facts = json.loads((copy.path / CALIBRATION_NAME).read_text(encoding="utf-8"))
    facts["weights"]["cin.pt"] = "0" * 64
    (copy.path / CALIBRATION_NAME).write_text(json.dumps(facts), encoding="utf-8")
    with pytest.raises(ArtefactError, match=r"made with other weights than those beside it; make it again with"):
        export_run(copy.path, tmp_path / "artefacts")
    assert not (tmp_path / "artefacts").exists()


def test_published_weights_are_others_and_have_none(copy: RunFolder, tmp_path: Path) -> None:
    publish_run(copy.path, tmp_path / "published")
    assert RunFolder(tmp_path / "published").calibration() is None


def test_validation_without_a_class_is_one_line(
    copy: RunFolder, stripes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in CLASS_NAMES[:2]:
        shutil.copytree(stripes / "train" / name, tmp_path / "data" / "val" / name)
    assert main(["calibrate", str(copy.path), str(tmp_path / "data"), "--device", "cpu"]) == 1
    assert "no images of COVID-19 in the validation split" in capsys.readouterr().err
