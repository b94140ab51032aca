"""The Containerfiles: what every image must be, read from their text. test_images.py builds and runs them."""

from __future__ import annotations

import configparser
import fnmatch
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from cli.main import parse
from launcher.torchserve_config import read_properties
from model_src.classes import RESEARCH_USE
from tests.deploy.containerfile import CONTAINERFILES, CONTAINERS, ROOT, last_image, read, stages_of

NOT_IN_AN_IMAGE = re.compile(
    r"\b(gcc|g\+\+|clang|cc|make|cmake|build-essential|git|curl|wget|pip|python3-(dev|pip|venv))\b"
)
each_file = pytest.mark.parametrize("path", CONTAINERFILES, ids=lambda path: path.name)


def ignored(name: str) -> bool:
    """Whether .containerignore keeps this path of the checkout out of a build. The last pattern that fits decides."""
    out = False
    for line in (ROOT / ".containerignore").read_text().splitlines():
        pattern = line.strip().removeprefix("!").removeprefix("**/")
        if not pattern or pattern.startswith("#"):
            continue
        anywhere = "**/" in line
        parts = name.split("/")
        heads = ["/".join(parts[: end + 1]) for end in range(len(parts))]
        if any(fnmatch.fnmatch(head, pattern) for head in (parts if anywhere else heads)):
            out = not line.startswith("!")
    return out


def test_both_files_are_found():
    assert [path.name for path in CONTAINERFILES] == ["Containerfile", "Containerfile.client"]


def test_a_file_is_read_stage_by_stage():
    arguments, stages = read(
        "ARG BASE=x:1\n# no\nFROM ${BASE} AS one\nRUN a \\\n  && b\nFROM one\nCOPY --from=one /a /b\n"
    )
    assert arguments == {"BASE": "x:1"}
    assert [(stage.base, stage.name) for stage in stages] == [("${BASE}", "one"), ("one", "")]
    assert stages[0].instructions[0].text == "a  && b"
    assert last_image(stages) == stages
    assert stages[1].all("COPY")[0].words() == ["--from=one", "/a", "/b"]


def hadolint(path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("hadolint"), path], capture_output=True, text=True, timeout=60, check=False
    )


@each_file
def test_hadolint_finds_nothing(path):
    found = hadolint(path)
    assert (found.returncode, found.stdout) == (0, "")


def test_hadolint_would_find_a_base_without_a_version(tmp_path):
    (tmp_path / "Containerfile").write_text("FROM debian:latest\n")
    assert "DL3007" in hadolint(tmp_path / "Containerfile").stdout


@each_file
def test_the_base_is_one_that_can_be_pinned(path):
    arguments, stages = read(path.read_text())
    assert {stage.base for stage in stages} == {"${BASE}", "runtime"}
    assert re.fullmatch(r"docker\.io/library/debian:\d+-slim", arguments["BASE"])


def test_both_images_have_the_same_base():
    assert len({read(path.read_text())[0]["BASE"] for path in CONTAINERFILES}) == 1


@each_file
def test_the_user_is_a_number_and_not_root(path):
    stage = stages_of(path)[-1]
    assert stage.last("USER").text == "10001:10001"
    assert stage.instructions.index(stage.last("USER")) > max(map(stage.instructions.index, stage.all("COPY")))


@each_file
def test_no_compiler_and_no_installer_is_in_the_image(path):
    for stage in last_image(stages_of(path)):
        for instruction in stage.all("RUN"):
            assert NOT_IN_AN_IMAGE.search(instruction.text) is None
        for copied in stage.all("COPY"):
            assert copied.words()[0] == "--from=build"
            assert copied.words()[1] in {"/opt/coronet", "/srv/coronet", "/usr/share/coronet"}


def test_a_compiler_would_be_noticed():
    assert NOT_IN_AN_IMAGE.search("apt-get install --yes gcc") is not None


@each_file
def test_every_copied_file_is_there_and_reaches_the_build(path):
    stages = stages_of(path)
    for stage in stages:
        assert not stage.all("ADD")
        for instruction in stage.all("COPY"):
            *sources, _ = [word for word in instruction.words() if not word.startswith("--from=")]
            if "--from" in instruction.text:
                assert instruction.words()[0].removeprefix("--from=") in {each.name for each in stages}
                continue
            for source in sources:
                assert (ROOT / source).exists()
                assert source == "." or not ignored(source)


@each_file
def test_what_pip_installs_is_the_kit_or_has_a_version(path):
    for stage in stages_of(path):
        for instruction in stage.all("RUN"):
            for command in re.findall(r"pip \S*.*? install (.*?)(?:&&|$)", instruction.text):
                words = re.sub(r"\$\{index:\+.*?\"\}", "", command).split()
                for word in (word for word in words if not word.startswith("--")):
                    assert word.strip('"') in {".", ".[${EXTRAS}]"} or re.fullmatch(r"[a-z-]+==[\d.]+", word), word


@each_file
def test_no_key_is_in_the_image(path):
    for stage in stages_of(path):
        for instruction in stage.all("ARG", "ENV"):
            assert re.search(r"token|secret|password|key", instruction.text, re.I) is None


@each_file
def test_labels_say_what_it_is_for_and_which_version(path):
    labels = stages_of(path)[-1].last("LABEL").text
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    assert f'coronet.intended-use="{RESEARCH_USE}"' in labels
    assert f'image.version="{setup["metadata"]["version"]}"' in labels
    assert f'image.licenses="{setup["metadata"]["license"]}"' in labels


def test_the_server_starts_with_a_command_that_there_is():
    stage = stages_of(CONTAINERS / "Containerfile")[-1]
    assert stage.last("ENTRYPOINT").words() == ["/usr/bin/tini", "--", "coronet"]
    args = parse(stage.last("CMD").words())
    assert args.command == "serve"
    assert args.host == "0.0.0.0"
    assert args.keys is None


def test_the_client_says_what_it_can():
    stage = stages_of(CONTAINERS / "Containerfile.client")[-1]
    assert [*stage.last("ENTRYPOINT").words(), *stage.last("CMD").words()] == ["coronet", "--help"]


def test_ports_that_are_exposed_are_the_servers():
    properties = read_properties(ROOT / "config.properties")
    ports = [urlsplit(properties[f"{name}_address"]).port for name in ("inference", "metrics")]
    exposed = stages_of(CONTAINERS / "Containerfile")[-1].last("EXPOSE").words()
    assert [int(port) for port in exposed] == ports


def test_a_build_sees_the_code_and_nothing_else():
    rooms = re.search(r"ROOMS = \((.*?)\)", (ROOT / "setup.py").read_text(), re.S)
    assert rooms is not None
    wanted = {"coronet_serve", "deploy", *re.findall(r'"(\w+)"', rooms[1])}
    seen = {path.name for path in ROOT.iterdir() if path.is_dir() and not ignored(path.name)}
    assert seen | {"deploy"} == wanted
    assert {path.name for path in ROOT.iterdir() if path.is_file() and not ignored(path.name)} == {
        "LICENSE",
        "MANIFEST.in",
        "README.md",
        "config.properties",
        "log4j2.xml",
        "pyproject.toml",
        "setup.cfg",
        "setup.py",
    }


@pytest.mark.parametrize(
    "name",
    [
        "key_file.json",
        "launcher/key_file.json",
        "build/model-store/coronet.mar",
        "archive/x.mar",
        ".git/config",
        "cli/__pycache__/main.pyc",
        "tests/conftest.py",
        "films/a.png",
    ],
)
def test_a_build_does_not_see(name):
    assert ignored(name)
