"""The commands that the documents show are commands that exist, with options that exist.

Pages of docs/experiments and the changelog are left out: they say what was typed on their day.
"""

from __future__ import annotations

import importlib.util
import re
import shlex
from pathlib import Path

import pytest

from cli.main import COMMANDS, parse

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    path
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    if path.parent.name != "experiments" and path.name != "CHANGELOG.md"
)


def shown_commands(program: str) -> list[str]:
    """Lines in the shell blocks of the documents that call `program`, without leading variable settings."""
    found = []
    for document in DOCUMENTS:
        for language, block in re.findall(r"^ *```(\w*)\n(.*?)^ *```$", document.read_text(), flags=re.M | re.S):
            if language not in ("", "sh"):
                continue
            lines = [line.strip() for line in block.replace("\\\n", " ").splitlines()]
            found += [line for line in lines if re.match(rf"^(\w+=\S+ )*{program} ", line)]
    return sorted(set(found))


def shown_modules() -> list[str]:
    """What the documents run with python: `-m MODULE ...` or a file, in blocks and in the text."""
    text = "\n".join(document.read_text() for document in DOCUMENTS)
    return sorted(set(re.findall(r"\bpython (-m [\w.]+|[\w/]+\.py)", text)))


@pytest.mark.parametrize("line", shown_commands("coronet"))
def test_coronet_commands_parse(line):
    words = shlex.split(line, comments=True)
    assert callable(parse(words[words.index("coronet") + 1 :]).run)


def test_every_command_but_demo_is_shown():
    lines = [shlex.split(line, comments=True) for line in shown_commands("coronet")]
    shown = {words[words.index("coronet") + 1] for words in lines}
    assert set(COMMANDS) - shown == {"demo"}  # shown as make demo


@pytest.mark.parametrize("line", shown_commands("make"))
def test_make_targets_exist(line):
    target = shlex.split(line, comments=True)[1]
    assert re.search(rf"^([\w-]+ )*{target}( [\w-]+)*:", (ROOT / "Makefile").read_text(), flags=re.M)


@pytest.mark.parametrize("shown", shown_modules())
def test_modules_and_scripts_exist(shown):
    if shown.startswith("-m "):
        assert importlib.util.find_spec(shown.removeprefix("-m "))
    else:
        assert (ROOT / shown).is_file()


def shown_module_options() -> set[tuple[str, str]]:
    """(module of ours, --option) as the documents show them together."""
    text = "\n".join(document.read_text().replace("\\\n", " ") for document in DOCUMENTS)
    lines = re.findall(r"\bpython -m ((?:benchmarks|docs|train)[\w.]*)([^`\n]*)", text)
    return {(module, option) for module, rest in lines for option in re.findall(r"(?<!\S)(--[\w-]+)", rest)}


@pytest.mark.parametrize(("module", "option"), sorted(shown_module_options()))
def test_modules_take_the_options(module, option):
    found = importlib.util.find_spec(module)
    assert found
    assert found.origin
    assert f'"{option}"' in Path(found.origin).read_text()


def test_commands_are_found():
    assert ("train.runs.publish", "--report") in shown_module_options()
    assert len(shown_commands("coronet")) > 30
    assert {"-m docs.generator", "-m benchmarks.soak", "-m benchmarks.train_benchmark"} <= set(shown_modules())


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # ts leaves its version file open
@pytest.mark.parametrize("line", shown_commands("torchserve"))
def test_torchserve_takes_the_options(line):
    from ts.arg_parser import ArgParser

    words = shlex.split(line)[1:]
    args = ArgParser.ts_parser().parse_args(words)
    if args.start:
        assert (ROOT / args.ts_config).is_file()
        assert args.no_config_snapshots


@pytest.mark.parametrize("line", shown_commands("torchrun"))
def test_torchrun_runs_our_command(line):
    words = shlex.split(line)
    assert words[words.index("-m") + 1] == "coronet_serve"
    assert callable(parse(words[words.index("-m") + 2 :]).run)


def test_what_ci_runs_exists():
    makefile = (ROOT / "Makefile").read_text()
    targets = re.findall(r"^make (\w+)$", (ROOT / ".ci/run").read_text(), flags=re.M)
    assert targets == ["check", "test"]
    assert all(re.search(rf"^{target}:", makefile, flags=re.M) for target in targets)
