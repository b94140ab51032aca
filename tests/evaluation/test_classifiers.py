"""Loading the model to evaluate: archives, artefact folders and run folders, sound and broken."""

import json
import shutil
import zipfile

import pytest
import torch

from evaluation.classifiers import load_classifier
from model_src.errors import ArtefactError, RunError
from train.recipe import load_recipe
from train.runs.run_folder import RunFolder
from train.runs.run_record import DataSummary, RunRecord
from train.stages.baselines import XrayResNet

CPU = torch.device("cpu")
FILES = ("tfen.pt", "cin.pt", "tfen.pt2", "cin.pt2", "artefacts.json")


@pytest.fixture
def archive(artefact_dir, tmp_path):
    """A .mar as the archiver lays it out: the artefacts at its root among other files."""
    path = tmp_path / "coronet.mar"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("MAR-INF/MANIFEST.json", "{}")
        for name in FILES:
            packed.write(artefact_dir / name, name)
    return path


@pytest.fixture
def x():
    return torch.rand(2, 1, 64, 64, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def make_run(random_chain, tmp_path):
    """Writes a run folder of the chain, or of a baseline, as training leaves it."""

    def make(model="coronet"):
        run = RunFolder(tmp_path / model)
        record = RunRecord(
            model=model,
            recipe=load_recipe("quick").model_copy(update={"image_size": 64}),
            seed=0,
            data=DataSummary(name="made-up", train={"Healthy": 5, "Pneumonia": 4, "COVID-19": 3}),
            trained_on="phantoms",
            cin_trained=True,
        )
        run.create(record)
        if model == "coronet":
            tfen = random_chain.tfen
            run.save_weights("fpae_healthy", tfen.healthy.state_dict(), {})
            run.save_weights("fpae_pneumonia", tfen.pneumonia.state_dict(), {})
            run.save_weights("cin", random_chain.cin.state_dict(), {})
        elif model == "resnet18":
            run.save_weights(model, XrayResNet(model).state_dict(), {})
        return run.path

    return make


def test_archive_artefacts_and_run_of_one_chain_answer_alike(archive, artefact_dir, make_run, random_chain, x):
    expected = random_chain.classify(x)
    for path, kind in ((archive, "archive"), (artefact_dir, "artefact folder"), (make_run(), "run folder")):
        classifier = load_classifier(path, CPU)
        answer = classifier.classify(x)
        torch.testing.assert_close(answer.probabilities, expected.probabilities, atol=1e-5, rtol=0)
        torch.testing.assert_close(answer.residual_means, expected.residual_means, atol=1e-5, rtol=0)
        assert classifier.coronet is not None
        assert (classifier.image_size, classifier.name) == (64, path.name)
        assert classifier.provenance["kind"] == f"CoroNet, {kind}"
        assert all(len(digest) == 64 for digest in classifier.provenance["sha256"].values())
        assert any("phantoms only" in warning for warning in classifier.provenance["warnings"])
        json.dumps(classifier.provenance, allow_nan=False)


def test_a_baseline_has_no_chain_to_look_into(make_run, x):
    classifier = load_classifier(make_run("resnet18"), CPU)
    answer = classifier.classify(x)
    assert classifier.coronet is None
    assert answer.residual_means is None
    assert answer.probabilities.sum(dim=1).tolist() == pytest.approx([1, 1])
    assert classifier.provenance["kind"].startswith("resnet18 straight on the X-ray")
    assert classifier.provenance["parameters"] == {"resnet18": 11_178_051}


def test_an_archive_cut_short_is_refused(archive):
    archive.write_bytes(archive.read_bytes()[:-1000])
    with pytest.raises(ArtefactError, match=r"coronet\.mar: (not a whole \.mar archive|holds no artefacts\.json)"):
        load_classifier(archive, CPU)


def test_an_archive_with_a_flipped_byte_is_refused(archive):
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 1
    archive.write_bytes(content)
    with pytest.raises(ArtefactError):
        load_classifier(archive, CPU)


def test_a_compressed_archive_with_damaged_data_is_refused(artefact_dir, tmp_path):
    archive = tmp_path / "coronet.mar"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for file in sorted(artefact_dir.iterdir()):
            packed.write(file, file.name)
        first = packed.infolist()[0]
    content = bytearray(archive.read_bytes())
    content[30 + len(first.filename)] = 0b111  # a last block, of a type that deflate does not have
    archive.write_bytes(content)
    with pytest.raises(ArtefactError, match=r"not a whole \.mar archive"):
        load_classifier(archive, CPU)


def test_another_file_is_no_archive(tmp_path):
    other = tmp_path / "weights.pth"
    other.write_bytes(b"something else")
    with pytest.raises(ArtefactError, match=r"not a whole \.mar archive"):
        load_classifier(other, CPU)


def test_an_archive_of_another_model_is_named_for_what_it_lacks(tmp_path):
    other = tmp_path / "densenet.mar"
    with zipfile.ZipFile(other, "w") as packed:
        packed.writestr("cin.pt", b"")
    with pytest.raises(ArtefactError, match=r"holds no artefacts\.json and no tfen\.pt; need an archive made with"):
        load_classifier(other, CPU)


def test_a_swapped_weights_file_is_refused(artefact_dir, tmp_path):
    changed = shutil.copytree(artefact_dir, tmp_path / "changed")
    shutil.copy(changed / "cin.pt", changed / "tfen.pt")
    with pytest.raises(ArtefactError, match="SHA-256"):
        load_classifier(changed, CPU)


@pytest.mark.parametrize("exists", [True, False])
def test_a_folder_that_is_neither_is_refused(tmp_path, exists):
    folder = tmp_path / "nothing"
    if exists:
        folder.mkdir()
    with pytest.raises(RunError, match="need a run folder"):
        load_classifier(folder, CPU)


def test_a_run_of_another_version_is_refused(make_run):
    path = make_run()
    settings = json.loads((path / "run.json").read_text())
    (path / "run.json").write_text(json.dumps(settings | {"format_version": 99}))
    with pytest.raises(RunError, match="found format version 99"):
        load_classifier(path, CPU)


def test_an_unfinished_run_is_refused(make_run):
    path = make_run()
    (path / "cin.pt").unlink()
    with pytest.raises(RunError, match=r"cin\.pt: not found"):
        load_classifier(path, CPU)


def test_weights_cut_short_are_refused(make_run):
    path = make_run()
    weights = path / "cin.pt"
    weights.write_bytes(weights.read_bytes()[: weights.stat().st_size // 2])
    with pytest.raises(RunError, match=r"cin\.pt: cannot be read"):
        load_classifier(path, CPU)
