"""The command line: exit statuses, one-line errors, and what is imported for which command."""

from __future__ import annotations

import configparser
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from cli import main as cli
from model_src.errors import DataError

HEAVY = ("torch", "torchvision", "numpy", "PIL", "captum", "matplotlib", "sklearn", "scipy", "ts")


def command_that(monkeypatch: pytest.MonkeyPatch, run) -> None:
    """Make `run` the only command, called `try`."""
    module = SimpleNamespace(__doc__="Try it.", add_arguments=lambda parser: None, run=run)
    monkeypatch.setattr(cli, "COMMANDS", {"try": ("try_it", "try it")})
    monkeypatch.setattr(cli.importlib, "import_module", lambda name: module)


def raising(error: BaseException):
    def run(args):
        raise error

    return run


@pytest.mark.parametrize("status", [0, 1])
def test_the_command_gives_the_status(monkeypatch, status):
    command_that(monkeypatch, lambda args: status)
    assert cli.main(["try"]) == status


@pytest.mark.parametrize(
    ("error", "status", "says"),
    [
        (DataError("found a, need b: do c"), 1, "coronet: found a, need b: do c\n"),
        (PermissionError(13, "Permission denied", "out/x"), 1, "coronet: out/x: Permission denied\n"),
        (OSError(28, "No space left on device"), 1, "coronet: No space left on device\n"),
        (KeyboardInterrupt(), 130, "coronet: interrupted\n"),
    ],
)
def test_errors_are_one_line(monkeypatch, capsys, error, status, says):
    command_that(monkeypatch, raising(error))
    assert cli.main(["try"]) == status
    assert capsys.readouterr().err == says


def test_a_defect_of_ours_keeps_its_traceback(monkeypatch):
    command_that(monkeypatch, raising(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        cli.main(["try"])


@pytest.mark.parametrize("argv", [[], ["unknown"], ["predict"], ["serve", "--port", "many"], ["explain", "x.png"]])
def test_wrong_usage(argv, capsys):
    with pytest.raises(SystemExit) as exit:
        cli.main(argv)
    assert exit.value.code == 2
    assert capsys.readouterr().err.startswith("usage: coronet")


def test_a_reader_that_has_seen_enough(monkeypatch):
    script = (
        "import sys, types; from cli import main as cli;"
        "cli.COMMANDS = {'try': ('try_it', '')};"
        "talk = lambda args: [print('line', flush=True) for _ in range(100_000)];"
        "module = types.SimpleNamespace(__doc__='', add_arguments=lambda parser: None, run=talk);"
        "cli.importlib.import_module = lambda name: module;"
        "sys.exit(cli.main(['try']))"
    )
    pipe = f'{sys.executable} -c "{script}" | head -n 1'
    done = subprocess.run(pipe, shell=True, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("line\n", "")


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_describes_itself(name, capsys):
    with pytest.raises(SystemExit) as exit:
        cli.main([name, "--help"])
    assert exit.value.code == 0
    text = capsys.readouterr().out
    assert text.startswith(f"usage: coronet {name}")


def test_help_lists_every_command(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    text = capsys.readouterr().out
    assert all(f"\n    {name} " in text or f"\n    {name}\n" in text for name in cli.COMMANDS)
    assert "not for diagnosis" in text


@pytest.mark.parametrize(
    "argv",
    [
        ["predict", "missing.png", "--token", "t", "--url", "http://127.0.0.1:1"],
        ["explain", "missing.png", "--token", "t", "--url", "http://127.0.0.1:1", "--out", "nowhere"],
        ["serve", "--model-store", "nowhere"],
    ],
    ids=lambda argv: argv[0],
)
def test_the_caller_needs_no_torch(argv):
    """The command runs (and fails, with one line) in a process where the heavy packages cannot be imported."""
    script = (
        f"import sys; sys.modules.update(dict.fromkeys({HEAVY!r}));from cli.main import main; sys.exit(main({argv!r}))"
    )
    process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert process.returncode == 1, process.stderr
    assert process.stderr.startswith("coronet: ")
    assert "Traceback" not in process.stderr


def test_a_missing_extra_is_one_line(monkeypatch, capsys):
    command_that(monkeypatch, raising(ModuleNotFoundError("No module named 'torch'", name="torch")))
    monkeypatch.setitem(cli.EXTRAS, "try", "train")
    assert cli.main(["try"]) == 1
    expected = "coronet: found no torch, 'coronet try' needs it: in the project's folder, pip install '.[train]'\n"
    assert capsys.readouterr().err == expected


@pytest.mark.parametrize(("name", "extra"), [("train.nothing", "train"), ("requests", None)])
def test_a_missing_module_of_ours_or_of_the_base_is_a_defect(monkeypatch, name, extra):
    command_that(monkeypatch, raising(ModuleNotFoundError(name=name)))
    if extra:
        monkeypatch.setitem(cli.EXTRAS, "try", extra)
    with pytest.raises(ModuleNotFoundError):
        cli.main(["try"])


def test_every_command_asks_for_extras_that_exist():
    setup = configparser.ConfigParser()
    setup.read(Path(__file__).parents[2] / "setup.cfg")
    extras = setup["options.extras_require"]
    assert {extra for wanted in cli.EXTRAS.values() for extra in wanted.split(",")} <= set(extras)
    assert set(cli.COMMANDS) - set(cli.EXTRAS) == {"ready", "predict", "explain", "bench"}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--dashboard"], "--dashboard: found it with --front torchserve, need --front ray"),
        (["--most-workers", "2"], "--most-workers: found it with --front torchserve, need --front ray"),
        (["--front", "ray", "--management-port", "8081"], "--management-port: found it with --front ray"),
        (["--front", "ray", "--ts-config", "x"], "--ts-config: found it with --front ray, need --front torchserve"),
    ],
)
def test_an_option_of_the_other_front_is_refused(words, says, capsys):
    assert cli.main(["serve", *words]) == 1
    assert says in capsys.readouterr().err


def test_a_missing_ray_is_told_with_its_extra(monkeypatch, capsys):
    command_that(monkeypatch, raising(ModuleNotFoundError("No module named 'ray'", name="ray")))
    assert cli.main(["try"]) == 1
    assert capsys.readouterr().err.endswith("pip install '.[ray]'\n")
