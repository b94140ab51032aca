"""The wheel: what is in it, and what its commands do where nothing but their own requirements is installed.

Torch is not among them: it cannot be imported there at all.
"""

from __future__ import annotations

import json
import os
import subprocess
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from outputs.montage import PANEL
from tests.fixtures.wheel import install, requirements_of, top_level
from tests.image_writers import write_dicom

Run = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def files(wheel: Path) -> set[str]:
    """The names of the files in it."""
    with zipfile.ZipFile(wheel) as packed:
        return set(packed.namelist())


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the commands of an environment with the wheel and its requirements, without extras."""
    return install(wheel, tmp_path_factory.mktemp("installed"))


@pytest.fixture
def coronet(installed: Path, tmp_path: Path):
    """coronet(words...) -> the finished command, run by the installed script from an empty directory."""
    empty = tmp_path / "empty"
    empty.mkdir()

    def run(*words: object, command: Sequence[object] = (installed / "coronet",)) -> Run:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        environment |= {"CORONET_TOKEN": "secret", "HOME": str(empty), "XDG_CACHE_HOME": str(empty)}
        line = [str(word) for word in (*command, *words)]
        return subprocess.run(line, cwd=empty, env=environment, capture_output=True, text=True, check=False)

    return run


def test_site_packages_gets_one_name(files):
    assert {name.split("/")[0].partition("-")[0] for name in files} == {"coronet_serve"}


def test_every_file_of_the_rooms_is_in_it_and_nothing_else(files, sources):
    rooms = [path.parent for path in sources.glob("*/__init__.py") if path.parent.name != "coronet_serve"]
    beside = [sources / "config.properties", sources / "log4j2.xml", *(sources / "coronet_serve").iterdir()]
    inside = [path for room in rooms for path in room.rglob("*") if path.is_file()]
    expected = {f"coronet_serve/{path.name}" for path in beside}
    expected |= {f"coronet_serve/{path.relative_to(sources).as_posix()}" for path in inside}
    assert {name for name in files if name.startswith("coronet_serve/")} == expected
    assert {"coronet_serve/archive/pretrained/cin.pt", "coronet_serve/train/recipes/tuned.yaml"} <= expected


def test_torch_is_not_there(coronet, installed):
    done = coronet("-c", "import torch", command=[installed / "python"])
    assert "No module named 'torch'" in done.stderr


def test_rooms_are_importable_after_the_package_and_not_before(coronet, installed):
    script = "import coronet_serve, client.http; print(client.http.__file__)"
    done = coronet("-c", script, command=[installed / "python"])
    assert done.stdout.endswith("site-packages/coronet_serve/client/http.py\n"), done.stderr
    assert coronet("-c", "import client", command=[installed / "python"]).returncode == 1


@pytest.mark.parametrize("module", [False, True], ids=["script", "module"])
def test_help(coronet, installed, module):
    done = coronet(
        "--help", command=[installed / "python", "-m", "coronet_serve"] if module else [installed / "coronet"]
    )
    assert done.returncode == 0, done.stderr
    assert "not for diagnosis" in done.stdout


def test_predict(coronet, fake_server, xray_png):
    done = coronet("predict", xray_png, "--url", fake_server.url, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["label"] == "COVID-19"


@pytest.mark.parametrize("kind", ["PNG", "DICOM"])
def test_explain_draws_the_xray_too(coronet, fake_server, xray_png, tmp_path, kind):
    if kind == "DICOM":
        xray_png.write_bytes(write_dicom(np.arange(64 * 64, dtype=np.uint16).reshape(64, 64)))
    done = coronet("explain", xray_png, "--url", fake_server.url, "--out", tmp_path / "out", "--method", "saliency")
    assert done.returncode == 0, done.stderr
    with Image.open(tmp_path / "out" / "xray.montage.png") as montage:
        assert montage.width > 3 * PANEL  # X-ray, map, map over the X-ray


def test_every_requirement_is_used(coronet, installed, wheel, fake_server, xray_png, tmp_path):
    xray_png.write_bytes(write_dicom(np.arange(64 * 64, dtype=np.uint16).reshape(64, 64)))
    script = "import sys, coronet_serve; from cli.main import main; main(sys.argv[1:]); print(*sys.modules)"
    explain = ["explain", xray_png, "--url", fake_server.url, "--out", tmp_path / "out"]
    done = coronet(*explain, command=[installed / "python", "-c", script])
    imported = set(done.stdout.splitlines()[-1].split())
    assert [each.name for each in requirements_of(wheel) if not top_level(each.name) & imported] == []


def test_ready(coronet, fake_server):
    done = coronet("ready", "--url", fake_server.url)
    assert (done.returncode, done.stdout) == (0, f"{fake_server.url} answers\n"), done.stderr


def test_bench(coronet, fake_server):
    done = coronet("bench", "--url", fake_server.url, "--clients", "1", "--seconds", "0.2", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["failed"] == 0


@pytest.mark.parametrize(
    ("words", "extra"),
    [
        (["serve"], "serve"),
        (["web", "--url", "http://127.0.0.1:1"], "web"),
        (["pacs", "status"], "pacs"),
        (["export", "run", "--out", "artefacts"], "serve"),
        (["train", "data", "--out", "run"], "train"),
        (["phantoms", "out"], "train"),
        (["evaluate", "run", "data", "--out", "report"], "train"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_missing_extra_is_named_in_one_line(coronet, words, extra):
    done = coronet(*words)
    assert done.returncode == 1
    assert done.stderr.startswith("coronet: found no ")
    assert done.stderr.endswith(f"pip install '.[{extra}]'\n")
    assert done.stderr.count("\n") == 1


def test_the_node_needs_its_extra_alone(wheel, tmp_path):
    commands = install(wheel, tmp_path, "pacs")
    script = "import coronet_serve, pacs.node, pacs.folder_mode, pacs.status, sys; print('torch' in sys.modules)"
    done = subprocess.run(
        [commands / "python", "-c", script], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.stdout == "False\n", done.stderr
