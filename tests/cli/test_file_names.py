"""Names of any bytes and length: on one line, in a table, as names of outputs."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from cli.file_names import images_below, output_stems, shortened, shown


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        (b"x.png", "x.png"),
        ("Thorax-R\u00f6ntgen.png".encode(), "Thorax-R\u00f6ntgen.png"),
        (b"R\xf6ntgen.png", r"R\xf6ntgen.png"),  # from a ZIP of Windows
        (b"a\nb\t.png", r"a\nb\t.png"),
        (b"\x1b[31mred", r"\x1b[31mred"),  # would colour the terminal
        ("\u202egnp.x".encode(), r"\u202egnp.x"),  # would turn the line round
    ],
)
def test_a_name_is_shown_on_one_line(name, seen):
    assert shown(os.fsdecode(name)) == seen


def test_a_long_name_keeps_its_ends():
    name = "a" * 100 + "b" * 96 + ".png"
    assert len(shortened(name)) == 60
    assert shortened(name).startswith("a" * 20 + "...b")
    assert shortened(name).endswith("b.png")
    assert shortened("short.png") == "short.png"


def test_unique_stems():
    paths = [Path("a/x.png"), Path("b/x.png"), Path("b/X.jpg"), Path("y.png")]
    stems = output_stems(paths)
    assert len({stem.lower() for stem in stems}) == 4
    assert stems[3] == "y"
    assert stems[0].startswith("x.png-")
    assert output_stems(paths[1:])[0] == stems[1]  # whatever else is asked about


def test_names_that_are_uids_have_no_ending():
    assert output_stems([Path("1.2.840.5.1"), Path("1.2.840.5.2")]) == ["1.2.840.5.1", "1.2.840.5.2"]
    assert output_stems([Path("1.2.840.5.1.dcm")]) == ["1.2.840.5.1"]


@pytest.mark.parametrize("name", ["a" * 250 + ".png", "\u00e4" * 120 + ".png", "line\nbreak.png"])
def test_stems_are_fit_for_file_names(tmp_path, name):
    (stem,) = output_stems([Path(name)])
    (tmp_path / f"{stem}.meaningful_perturbation.residual_healthy.png").touch()
    assert "\n" not in stem
    assert stem != Path(name).stem


def test_images_below_a_folder(tmp_path):
    images = ("b/x.png", "b/c/1.2.840.5.1", "a.DCM", "IM0001")
    for name in (*images, "labels.csv", "DICOMDIR", ".hidden.png", ".git/x.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found, others = images_below(tmp_path)
    assert [str(path.relative_to(tmp_path)) for path in found] == ["IM0001", "a.DCM", "b/x.png", "b/c/1.2.840.5.1"]
    assert others == 2


def test_a_folder_that_cannot_be_listed_is_not_passed_over(tmp_path, monkeypatch):
    for name in ("a/x.png", "shut/y.png"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    monkeypatch.setattr(os, "scandir", shut_for(tmp_path / "shut"))
    assert images_below(tmp_path) == ([tmp_path / "a" / "x.png", tmp_path / "shut"], 0)


def shut_for(folder):
    """`os.scandir` for a user who may not list `folder`; root may."""
    scandir = os.scandir

    def scan(path):
        if Path(path) == folder:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    return scan
