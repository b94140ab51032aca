"""coronet.mar: the same bytes twice, complete in itself, and never a broken one under the final name."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from archive.build import DEFAULT_CONFIG, build_archive
from archive.contents import SERVED_PACKAGES
from model_src.artefacts import INFO_NAME
from model_src.classes import CLASS_NAMES
from model_src.errors import ArtefactError
from model_src.file_digest import file_digest
from model_src.weight_files import FORMAT_VERSION, TFEN_NAME, WEIGHT_FILES

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def mar(artefact_dir, tmp_path_factory) -> Path:
    """An archive of the random chain."""
    return build_archive(artefact_dir, tmp_path_factory.mktemp("store"), "2.5")


@pytest.fixture(scope="module")
def unpacked(mar, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(mar) as packed:
        packed.extractall(folder)
    return folder


def test_same_bytes_when_built_twice(mar, artefact_dir, tmp_path):
    copied = tmp_path / "elsewhere"
    shutil.copytree(artefact_dir, copied)
    for path in copied.iterdir():
        os.utime(path, (0, 0))
    again = build_archive(copied, tmp_path / "store", "2.5")
    assert file_digest(again) == file_digest(mar)


def test_holds_what_a_worker_needs_and_nothing_else(mar):
    with zipfile.ZipFile(mar) as packed:
        names = packed.namelist()
    at_root = [name for name in names if "/" not in name]
    assert at_root == sorted(
        [INFO_NAME, *WEIGHT_FILES[FORMAT_VERSION], "coronet_handler.py", "index_to_name.json", "model-config.yaml"]
    )
    assert names == sorted(names)
    packages = set(SERVED_PACKAGES)
    assert {name.split("/")[0] for name in names if "/" in name} == {"MAR-INF", *packages}
    assert all(name.endswith(".py") for name in names if name.split("/")[0] in packages and "/" in name)
    assert "handlers/coronet_handler.py" not in names


def test_manifest(unpacked):
    manifest = json.loads((unpacked / "MAR-INF" / "MANIFEST.json").read_text())
    assert manifest["model"] == {
        "modelName": "coronet",
        "modelVersion": "2.5",
        "handler": "coronet_handler.py",
        "serializedFile": TFEN_NAME,
        "configFile": "model-config.yaml",
    }


def test_class_names_agree(unpacked):
    names = json.loads((unpacked / "index_to_name.json").read_text())
    assert names == {str(index): name for index, name in enumerate(CLASS_NAMES)}


def test_runs_without_the_checkout_and_before_an_installed_one(unpacked, tmp_path):
    """Neither the working directory nor the module path leads to the checkout, except an inherited PYTHONPATH."""
    program = (
        "import sys, coronet_handler, inference.predictor, model_src.imaging.xray\n"
        "for module in (coronet_handler, inference.predictor, model_src.imaging.xray):\n"
        "    print(module.__file__)\n"
        "print('ts' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{unpacked}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *files, torchserve_imported = done.stdout.split()
    assert all(Path(file).is_relative_to(unpacked) for file in files), files
    assert torchserve_imported == "False"


def test_own_config_is_packed_under_the_usual_name(artefact_dir, tmp_path):
    config = yaml.safe_load(DEFAULT_CONFIG.read_text())
    config["handler"] = {"max_instances": 3}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(config))
    path = build_archive(artefact_dir, tmp_path / "store", config=tmp_path / "mine.yaml")
    with zipfile.ZipFile(path) as packed:
        assert yaml.safe_load(packed.read("model-config.yaml")) == config


def test_changed_artefact_is_refused(artefact_dir, tmp_path):
    shutil.copytree(artefact_dir, tmp_path / "artefacts")
    with (tmp_path / "artefacts" / TFEN_NAME).open("ab") as stream:
        stream.write(b"\0")
    with pytest.raises(ArtefactError, match=r"tfen\.pt: SHA-256"):
        build_archive(tmp_path / "artefacts", tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_archive_that_does_not_answer_never_gets_the_name(artefact_dir, tmp_path):
    store = tmp_path / "store"
    store.mkdir()
    (store / "coronet.mar").write_bytes(b"the one that works")
    (tmp_path / "bad.yaml").write_text("handler: {max_instnaces: 3}\n")
    with pytest.raises(ArtefactError, match=r"does not answer: model-config\.yaml: .*max_instnaces"):
        build_archive(artefact_dir, store, config=tmp_path / "bad.yaml")
    assert [path.name for path in store.iterdir()] == ["coronet.mar"]
    assert (store / "coronet.mar").read_bytes() == b"the one that works"


@pytest.mark.parametrize("version", ["", "1 0", "-1", "1/0", "1.0\n"])
def test_version_that_torchserve_cannot_address_is_refused(artefact_dir, tmp_path, version):
    with pytest.raises(ArtefactError, match=r"^version: found"):
        build_archive(artefact_dir, tmp_path, version)


def test_missing_config_is_named(artefact_dir, tmp_path):
    with pytest.raises(ArtefactError, match=r"none\.yaml: not found"):
        build_archive(artefact_dir, tmp_path, config=tmp_path / "none.yaml")


def test_make_packs_again_when_anything_changes_that_goes_in():
    makefile = (ROOT / "Makefile").read_text()
    (folders,) = re.findall(r"^\$\(MAR\): \$\(shell find ([\w/. ]+) -type f", makefile, flags=re.M)
    assert set(folders.split()) == {"archive", "train/runs/export.py", *SERVED_PACKAGES}


def test_without_the_archiver_its_name_is_in_the_error(artefact_dir, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "model_archiver", None)
    with pytest.raises(ModuleNotFoundError) as caught:
        build_archive(artefact_dir, tmp_path / "store")
    assert caught.value.name == "model_archiver"
