"""Two versions beside each other: each runs its own code, takes its turn to be first, and is compared by medians."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from benchmarks.compare_versions import Measured, checked_out, compare, python_for, turns
from benchmarks.serve_command import Code

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("file", "module"), [("cli/__main__.py", "cli"), ("client/cli.py", "client.cli")])
def test_the_command_is_found_where_a_tree_has_it(tmp_path: Path, file: str, module: str) -> None:
    (tmp_path / file).parent.mkdir()
    (tmp_path / file).touch()
    assert Code(Path("python"), tmp_path).command("serve", 1) == ["python", "-m", module, "serve", "1"]


def test_a_versions_python_has_its_modules_and_these_libraries(tmp_path: Path) -> None:
    (tmp_path / "tree" / "cli").mkdir(parents=True)
    (tmp_path / "tree" / "cli" / "__init__.py").write_text("'of the other version'")
    python = python_for(tmp_path / "tree", tmp_path / "python")
    script = "import cli, importlib.util, requests; print(cli.__doc__, importlib.util.find_spec('model_src'))"
    found = subprocess.run([python, "-c", script], cwd="/", capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "of the other version None"


def test_each_version_is_first_in_half_of_the_rounds() -> None:
    assert [turns(["a", "b"], number) for number in range(3)] == [["a", "b"], ["b", "a"], ["a", "b"]]


def test_medians_are_compared() -> None:
    before = [Measured(10.0, rate, 0.1, 0, 800.0) for rate in (1.0, 20.0, 21.0)]  # one bad round
    now = [Measured(start, 30.0, 0.1, 0, 600.0) for start in (9.0, 11.0, 60.0)]
    assert compare(before, now) == {"speed_ratio": 1.5, "start_ratio": 1.1, "memory_ratio": 0.75}


def test_a_commit_is_checked_out_and_taken_away(tmp_path: Path) -> None:
    if subprocess.run(["git", "-C", str(ROOT), "rev-parse", "--git-dir"], capture_output=True, check=False).returncode:
        pytest.fail("the tests run in a checkout")
    with checked_out("HEAD", tmp_path / "tree") as tree:
        assert (tree / "benchmarks").is_dir()
    assert not tree.exists()


@pytest.mark.parametrize("commit", ["no-such-commit", "--force"])
def test_a_name_that_git_does_not_know_is_one_line(commit: str, tmp_path: Path) -> None:
    with (
        pytest.raises(SystemExit, match=f"COMMIT: found {commit}, need a commit"),
        checked_out(commit, tmp_path / "tree"),
    ):
        pass
    assert not (tmp_path / "tree").exists()
