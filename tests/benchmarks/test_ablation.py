"""The ablation's rows change what they say and nothing else, and take any run's autoencoders."""

from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image

from benchmarks.ablation import ALONE, STEPS, fingerprint, load_autoencoders, rows
from model_src.networks.fpae import FPAE
from model_src.networks.tfen import TFEN
from train.data.examples import Example
from train.data.image_cache import open_cache
from train.device import Compute
from train.recipe import load_recipe
from train.runs.run_folder import RunFolder

FLOAT32 = Compute(torch.device("cpu"), bfloat16=False)


def tfen(seed: int) -> TFEN:
    torch.manual_seed(seed)
    return TFEN(FPAE(), FPAE())


def test_a_row_changes_what_its_name_says() -> None:
    table = rows(load_recipe("tuned").cin)
    before = table[next(iter(STEPS))]
    assert (before.network, before.init, before.augmentation, before.mixup) == ("resnet18", "random", "none", 0)
    for name, change in STEPS.items():
        assert dict(table[name]) == dict(before) | change
        before = table[name]
    unmixed = dict(before) | {"mixup": 0.0}
    for name, change in ALONE.items():
        longer = {"epochs": 2 * before.epochs} if name == "twice the epochs" else change
        assert dict(table[name]) == unmixed | longer


def test_autoencoders_are_those_of_a_run_that_has_nothing_else(autoencoder_run: RunFolder) -> None:
    x, loaded = torch.rand(1, 1, 16, 16), load_autoencoders(autoencoder_run.path, FLOAT32)
    for name, drawn in zip(("healthy", "pneumonia"), loaded.reconstruct(x), strict=True):
        alone = FPAE().eval()
        alone.load_state_dict(autoencoder_run.load_weights(f"fpae_{name}"))
        assert torch.allclose(drawn, alone(x)[0], atol=1e-6)
    assert torch.allclose(loaded(x)[:, 0], (x - loaded.reconstruct(x)[0]).abs()[:, 0])
    assert not any(parameter.requires_grad for parameter in loaded.parameters())


def test_residuals_of_other_autoencoders_or_images_lie_elsewhere(tmp_path: Path) -> None:
    def images(*names: str) -> list[Example]:
        return [Example(tmp_path / name, 0, name, "") for name in names]

    for name in ("a.png", "b.png"):
        Image.new("L", (16, 16)).save(tmp_path / name)
    one, two = (open_cache(images(*names), 16, tmp_path / "cache") for names in (("a.png",), ("a.png", "b.png")))
    assert fingerprint(tfen(0), one) == fingerprint(tfen(0), one)
    assert len({fingerprint(tfen(seed), cache) for seed in (0, 1) for cache in (one, two)}) == 4
