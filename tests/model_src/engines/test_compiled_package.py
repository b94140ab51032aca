"""Native code is made and loaded for this machine, these weights and this user alone."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from cli.main import main
from model_src.engines import compiled_package
from model_src.engines.choose import open_engine
from model_src.engines.compiled_package import compile_package, find_package, made_for, package_folder
from model_src.engines.settings import EngineSettings
from model_src.errors import ArtefactError
from model_src.networks.coronet import CoroNet

SIZE = 64


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of this test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def package(random_chain: CoroNet) -> Path:
    """What stands for a compiled network: the file is never loaded here."""
    wanted = made_for(random_chain, SIZE)
    package_folder().mkdir(parents=True, mode=0o700)
    path = package_folder() / wanted.name
    path.write_bytes(b"native code")
    facts = {**asdict(wanted), "sha256": hashlib.sha256(b"native code").hexdigest()}
    path.with_suffix(".json").write_text(json.dumps(facts))
    for file in package_folder().iterdir():
        file.chmod(0o600)
    return path


def test_a_package_is_found_by_weights_size_and_processor(random_chain: CoroNet, package: Path) -> None:
    assert find_package(random_chain, SIZE) == package
    assert compiled_package.processor() in package.name
    with pytest.raises(ArtefactError, match="no package for these artefacts and this processor; compile it here"):
        find_package(random_chain, 2 * SIZE)


def test_one_of_another_processor_is_refused_under_whatever_name(
    random_chain: CoroNet, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled_package, "processor", lambda: "another")
    with pytest.raises(ArtefactError, match="no package for these artefacts and this processor"):
        find_package(random_chain, SIZE)
    renamed = package_folder() / made_for(random_chain, SIZE).name
    package.rename(renamed)
    package.with_suffix(".json").rename(renamed.with_suffix(".json"))
    with pytest.raises(
        ArtefactError, match="was made for another processor than this; compile it here: coronet compile"
    ):
        find_package(random_chain, SIZE)


def test_a_changed_file_is_refused(random_chain: CoroNet, package: Path) -> None:
    package.write_bytes(b"other code")
    with pytest.raises(ArtefactError, match="was made for another sha256 than this"):
        find_package(random_chain, SIZE)
    package.with_suffix(".json").write_text("[")
    with pytest.raises(ArtefactError, match="cannot be read"):
        find_package(random_chain, SIZE)


@pytest.mark.parametrize("which", ["file", "facts", "folder"])
def test_what_others_may_write_is_not_loaded(random_chain: CoroNet, package: Path, which: str) -> None:
    place = {"file": package, "facts": package.with_suffix(".json"), "folder": package.parent}[which]
    place.chmod(0o777)
    with pytest.raises(ArtefactError, match="may write to it, and it holds native code"):
        find_package(random_chain, SIZE)


def test_what_is_no_package_is_one_line(random_chain: CoroNet, package: Path) -> None:
    with pytest.raises(ArtefactError, match=r"cannot be loaded \(.*\); compile it again"):
        open_engine(random_chain, SIZE, torch.device("cpu"), EngineSettings("inductor"))


def test_without_a_compiler_one_line_says_so(
    artefact_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert main(["compile", str(artefact_dir)]) == 1
    said = capsys.readouterr().err
    assert (
        said == "coronet: compiling needs a C++ compiler, found no no-such-compiler: sudo apt install g++, or set CXX\n"
    )
    assert not package_folder().exists()


def test_inductor_is_for_float32_on_a_cpu(random_chain: CoroNet) -> None:
    with pytest.raises(ArtefactError, match="inductor has no bfloat16"):
        open_engine(random_chain, SIZE, torch.device("cpu"), EngineSettings("inductor", "bfloat16"))
    with pytest.raises(ArtefactError, match="inductor is for CPUs"):
        open_engine(random_chain, SIZE, torch.device("cuda:0"), EngineSettings("inductor"))


@pytest.mark.slow
def test_a_compiled_network_answers_as_the_artefacts(random_chain: CoroNet) -> None:
    path = compile_package(random_chain, SIZE)
    assert path == find_package(random_chain, SIZE)
    engine = open_engine(random_chain, SIZE, torch.device("cpu"), EngineSettings("inductor"))
    for images in (1, 3):
        x = torch.rand(images, 1, SIZE, SIZE)
        found, expected = engine.classify(x), random_chain.classify(x)
        torch.testing.assert_close(found.probabilities, expected.probabilities, atol=1e-5, rtol=0)
        torch.testing.assert_close(found.residual_means, expected.residual_means, atol=1e-5, rtol=0)
        torch.testing.assert_close(found.summary, expected.summary, atol=1e-4, rtol=0)
