"""Many images: folders, names of any bytes, mistakes that concern all of them, places that cannot be written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.explanation_methods import METHODS
from cli.main import main
from tests.fixtures.fake_server import EXPLANATION

SALIENCY = ("--method", "saliency")


@pytest.fixture
def asked(fake_server):
    """Runs a command against the fake server: asked("predict", ...) -> exit status."""
    return lambda *words: main([*map(str, words), "--url", fake_server.url, "--token", "secret"])


@pytest.fixture
def films(xray_png, tmp_path) -> list[Path]:
    """Three films in class folders, and a list of labels beside them."""
    folder = tmp_path / "films"
    found = [folder / name for name in ("Healthy/a.png", "Pneumonia/1.2.840.5.1", "Pneumonia/b.dcm")]
    for path in found:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(xray_png.read_bytes())
    (folder / "labels.csv").touch()
    return found


def test_a_folder_with_r_is_all_images_below_it(asked, films, capsys):
    assert asked("predict", "-r", films[0].parents[1]) == 0
    told = capsys.readouterr()
    assert [line.split()[0] for line in told.out.splitlines()] == [str(path) for path in films]
    assert "films: 1 files are left out by their names" in told.err


def test_a_folder_without_images_is_said_before_anything_is_sent(asked, fake_server, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert asked("predict", "-r", tmp_path / "empty") == 1
    assert "found no image in this folder" in capsys.readouterr().err
    assert fake_server.requests == []


def test_explanations_of_uid_names_have_files_of_their_own(asked, films, tmp_path):
    other = films[1].with_name("1.2.840.5.2")
    other.write_bytes(films[1].read_bytes())
    out = tmp_path / "out"
    for path in (films[1], other):
        assert asked("explain", path, *SALIENCY, "--out", out) == 0
    assert {path.name for path in out.glob("*.json")} == {"1.2.840.5.1.saliency.json", "1.2.840.5.2.saliency.json"}


ODD_NAMES = [b"R\xf6ntgen.png", b"line\nbreak.png", b"n" * 200 + b".png", b"plain.png"]


def test_names_of_any_bytes_go_through_the_whole_batch(fake_server, xray_png, tmp_path):
    """In a process of its own, whose output is as strict as a terminal's."""
    paths = [tmp_path / os.fsdecode(name) for name in ODD_NAMES]
    for path in paths:
        path.write_bytes(xray_png.read_bytes())
    for command in (["predict"], ["predict", "--json"], ["explain", *SALIENCY, "--out", "out"]):
        words = [*command, *map(os.fspath, paths), "--url", fake_server.url, "--token", "secret"]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONIOENCODING": "ascii:strict"}
        process = [sys.executable, "-m", "cli", *words]
        done = subprocess.run(process, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        lines = done.stdout.splitlines()
        if command == ["predict"]:
            assert len(lines) == 4
            assert r"R\xf6ntgen.png" in lines[0]
            assert r"line\nbreak.png" in lines[1]
            assert len(lines[3]) < len(str(paths[3])) + 120  # the long name widens no other line
        elif "--json" in command:
            assert [json.loads(line)["label"] for line in lines] == ["COVID-19"] * 4
    assert len(list((tmp_path / "out").glob("*.json"))) == 4


@pytest.mark.parametrize("command", ["predict", "explain", "bench", "ready"])
@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "soon"])
def test_a_time_that_is_none_is_wrong_usage(asked, fake_server, tmp_path, capsys, command, seconds):
    words = {"explain": ("x.png", "--out", tmp_path), "predict": ("x.png",)}.get(command, ())
    with pytest.raises(SystemExit) as ended:
        asked(command, *words, f"--timeout={seconds}")
    assert ended.value.code == 2
    assert "--timeout: found" in capsys.readouterr().err
    assert fake_server.requests == []


def test_a_wrong_method_is_said_once_and_nothing_is_sent(asked, fake_server, films, tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        asked("explain", *films, "--method", "saliency,grad-cam", "--out", tmp_path / "out")
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("found 'grad-cam', need meaningful_perturbation, ") == 1
    assert fake_server.requests == []


def test_all_methods(asked, fake_server, xray_png, tmp_path):
    fake_server.answers = [(200, {**EXPLANATION, "method": method}) for method in METHODS]
    assert asked("explain", xray_png, "--method", "all", "--out", tmp_path / "out") == 0
    assert len(fake_server.requests) == len(METHODS)
    assert {path.name for path in (tmp_path / "out").glob("*.json")} == {f"xray.{name}.json" for name in METHODS}


def test_options_that_the_server_refuses_are_not_sent_with_every_image(asked, fake_server, films, tmp_path, capsys):
    fake_server.answers = [(400, {"code": 400, "type": "InvalidRequest", "message": "steps: found 0, need 1"})] * 9
    words = (*films, tmp_path / "missing.png", *SALIENCY, "--steps", "0", "--out", tmp_path / "out")
    assert asked("explain", *words) == 1
    assert len(fake_server.requests) == 2
    told = capsys.readouterr().err
    assert "saliency: refused twice for the same reason, not asked for again" in told
    assert "missing.png" not in told  # nothing is left to ask about it


def test_images_that_are_refused_are_all_asked_about(asked, fake_server, films, tmp_path):
    fake_server.answers = [(400, {"code": 400, "type": "InvalidImage", "message": "damaged"})] * 3
    assert asked("explain", *films, *SALIENCY, "--out", tmp_path / "out") == 1
    assert len(fake_server.requests) == 3


@pytest.mark.parametrize("kind", ["file", "below a file", "link to nowhere"])
def test_a_folder_that_cannot_be_written_is_said_before_anything_is_sent(
    asked, fake_server, xray_png, tmp_path, capsys, kind
):
    place = tmp_path / "place"
    if kind == "link to nowhere":
        place.symlink_to(tmp_path / "nowhere")
    else:
        place.touch()
    out = place / "out" if kind == "below a file" else place
    assert asked("explain", xray_png, *SALIENCY, "--out", out) == 1
    assert f"--out {out}" in capsys.readouterr().err
    assert fake_server.requests == []


def test_a_disk_that_fills_meanwhile_names_the_users_own_folder(asked, xray_png, tmp_path, capsys, monkeypatch):
    def full(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device", str(self))

    monkeypatch.setattr(Path, "write_bytes", full)
    assert asked("explain", xray_png, *SALIENCY, "--out", tmp_path / "out") == 1
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "--out" in line]
    assert line.endswith("cannot be written: No space left on device")
    assert f"--out {tmp_path / 'out'}: xray.saliency." in line


def test_a_terminal_sees_which_method_is_worked_on(asked, xray_png, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert asked("explain", xray_png, "--method", "saliency,occlusion", "--out", tmp_path / "out") == 0
    assert "  saliency (1 of 2) ...\r" in capsys.readouterr().err
