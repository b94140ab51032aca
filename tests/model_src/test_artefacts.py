"""The artefact folder: written whole, checked before it is loaded."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from model_src import torchscript, weight_files
from model_src.artefacts import INFO_NAME, ArtefactInfo, check_digests, load_artefacts, read_info, write_artefacts
from model_src.classes import RESEARCH_USE
from model_src.errors import ArtefactError
from model_src.imaging.xray import PREPROCESSING_VERSION
from model_src.networks.coronet import CoroNet
from model_src.programs.network import ProgramNetwork

NAMES = ("tfen.pt", "cin.pt", "tfen.pt2", "cin.pt2")


@pytest.fixture
def copy(artefact_dir: Path, tmp_path: Path) -> Path:
    """A copy of the artefacts that a test may damage."""
    return Path(shutil.copytree(artefact_dir, tmp_path / "copy"))


def test_loaded_chain_answers_as_the_eager_one(artefact_dir: Path, random_chain: CoroNet) -> None:
    chain, info = load_artefacts(artefact_dir)
    x = torch.rand(1, 1, info.image_size, info.image_size)
    assert torch.allclose(chain(x), random_chain(x), atol=1e-5)
    assert not any(parameter.requires_grad for parameter in chain.parameters())
    assert not chain.training


@pytest.mark.parametrize("name", NAMES)
def test_changed_file_is_refused_before_it_is_loaded(copy: Path, name: str) -> None:
    damaged = bytearray((copy / name).read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (copy / name).write_bytes(damaged)
    with pytest.raises(ArtefactError, match=f"{name}: SHA-256"):
        load_artefacts(copy)


def test_a_file_exchanged_after_it_was_checked_is_not_loaded(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load = weight_files.load_program

    def exchange_first(kind: type[ProgramNetwork], path: Path, content: bytes, device: torch.device) -> ProgramNetwork:
        path.write_bytes(b"exchanged")  # the digest has been compared by now
        return load(kind, path, content, device)

    monkeypatch.setattr(weight_files, "load_program", exchange_first)
    chain, info = load_artefacts(copy)
    assert chain(torch.zeros(1, 1, info.image_size, info.image_size)).shape == (1, 3)


@pytest.mark.parametrize("name", [*NAMES, INFO_NAME])
def test_missing_file_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(ArtefactError, match=f"{name}: not found"):
        load_artefacts(copy)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format_version": 99}, "format version 99, need 1 or 2"),
        ({"format_version": [2]}, r"format version \[2\]"),
        ({"format_version": True}, "format version True"),
        ({"preprocessing": "old"}, "preprocessing old"),
        ({"class_names": ["A", "B"]}, "classes"),
        ({"image_size": "64"}, r"artefacts\.json: image_size: found '64', need a multiple of 8, at least 16; export"),
        ({"image_size": 20}, "image_size: found 20, need a multiple of 8"),
        ({"cin_trained": "yes"}, "cin_trained: found 'yes', need a valid boolean; export the run again"),
        ({"parameters": {"tfen": -1}}, r"parameters\.tfen: found -1, need greater than or equal to 0"),
        ({"sha256": ["ab"]}, "sha256: found"),
    ],
)
def test_info_of_another_kind_is_refused(copy: Path, change: dict[str, object], message: str) -> None:
    facts = json.loads((copy / INFO_NAME).read_text())
    (copy / INFO_NAME).write_text(json.dumps(facts | change))
    with pytest.raises(ArtefactError, match=message):
        read_info(copy)


def test_info_that_lacks_a_field_is_refused(copy: Path) -> None:
    facts = json.loads((copy / INFO_NAME).read_text())
    del facts["torch_version"]  # not replaced by this machine's
    (copy / INFO_NAME).write_text(json.dumps(facts))
    with pytest.raises(ArtefactError, match="lacks torch_version; export the run again"):
        read_info(copy)


# As the first version wrote it, but for the digests' length.
OLD_INFO = """{
  "image_size": 224, "recipe": "tuned", "parameters": {"tfen": 107318, "cin": 11178051}, "cin_trained": true,
  "trained_on": "x-rays", "data": {"name": "cxr512", "train": {"Healthy": 308}, "skipped": []},
  "metrics": {"validation": {"accuracy": 0.8125, "loss": null}}, "sha256": {"tfen.pt": "ab", "cin.pt": "cd"},
  "class_names": ["Healthy", "Pneumonia", "COVID-19"], "preprocessing": "1", "torch_version": "2.15.0+cpu",
  "format_version": 1, "of_a_later_version": 3
}"""


def test_earlier_artefacts_are_read_as_they_are(tmp_path: Path) -> None:
    text = OLD_INFO.replace('"preprocessing": "1"', f'"preprocessing": "{PREPROCESSING_VERSION}"')
    (tmp_path / INFO_NAME).write_text(text)
    info = read_info(tmp_path)
    assert (info.image_size, info.recipe, info.torch_version) == (224, "tuned", "2.15.0+cpu")
    assert info.class_names == ("Healthy", "Pneumonia", "COVID-19")
    assert info.metrics == {"validation": {"accuracy": 0.8125, "loss": None}}
    assert info.data["train"] == {"Healthy": 308}


@pytest.fixture
def first_version(copy: Path) -> Path:
    """The artefacts as format version 1 had them: TorchScript alone."""
    facts = json.loads((copy / INFO_NAME).read_text())
    for name in ("tfen.pt2", "cin.pt2"):
        (copy / name).unlink()
        del facts["sha256"][name]
    (copy / INFO_NAME).write_text(json.dumps({**facts, "format_version": 1}))
    return copy


def test_artefacts_of_the_first_version_answer_as_before(first_version: Path, random_chain: CoroNet) -> None:
    chain, info = load_artefacts(first_version)
    assert isinstance(chain.tfen, torch.jit.ScriptModule)
    assert info.files == ("tfen.pt", "cin.pt")
    x = torch.rand(2, 1, 64, 64)
    assert torch.allclose(chain(x), random_chain(x), atol=1e-5)
    assert check_digests(first_version) == info
    (first_version / "cin.pt").write_bytes(b"")
    with pytest.raises(ArtefactError, match=r"cin\.pt: SHA-256"):
        load_artefacts(first_version)


def test_a_file_of_torchscript_is_not_taken_for_a_program(copy: Path) -> None:
    facts = json.loads((copy / INFO_NAME).read_text())
    shutil.copy(copy / "tfen.pt", copy / "tfen.pt2")
    facts["sha256"]["tfen.pt2"] = facts["sha256"]["tfen.pt"]
    (copy / INFO_NAME).write_text(json.dumps(facts))
    with pytest.raises(ArtefactError, match=r"tfen\.pt2: not a program that this version can open .*export it again"):
        load_artefacts(copy)


def test_cut_info_is_refused(copy: Path) -> None:
    (copy / INFO_NAME).write_text('{"format_version": 1, ')
    with pytest.raises(ArtefactError, match="cannot be read"):
        read_info(copy)


@pytest.mark.parametrize(
    ("cin_trained", "trained_on", "said"),
    [(True, "x-rays", []), (True, "phantoms", ["phantoms"]), (False, "unknown", ["untrained"])],
)
def test_warnings_say_what_the_weights_are(cin_trained: bool, trained_on: str, said: list[str]) -> None:
    info = ArtefactInfo(image_size=64, recipe="r", parameters={}, cin_trained=cin_trained, trained_on=trained_on)
    assert info.warnings[0] == RESEARCH_USE
    assert len(info.warnings) == 1 + len(said)
    assert all(word in info.warnings[1] for word in said)


def test_foreign_folder_is_not_replaced(artefact_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    files = dict.fromkeys(NAMES, b"")
    with pytest.raises(ArtefactError, match="choose an empty or new folder"):
        write_artefacts(files, read_info(artefact_dir), tmp_path)
    assert (tmp_path / "letter.txt").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 1


def test_file_that_is_no_torchscript_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tfen.pt").write_bytes(b"not a zip file")
    with pytest.raises(ArtefactError, match="not a TorchScript file"):
        torchscript.load(tmp_path / "tfen.pt")


def test_an_error_without_words_is_named_by_its_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wordless(*_: object, **__: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(torch.jit, "load", wordless)
    with pytest.raises(ArtefactError, match=r"\(RuntimeError\); export it again"):
        torchscript.load(tmp_path / "tfen.pt")
