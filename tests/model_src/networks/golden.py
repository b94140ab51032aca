"""A golden vector: what two autoencoders of known weights make of a known image, so that parity is tested everywhere.

The released weights are not ours to ship. So weights and image come from a formula in whole numbers, which every
machine and every version of every library computes alike, and golden.npz holds the outputs of the very network that
gives the released outputs for the released checkpoints (test_networks.py tests that where they are at hand). A network
that orders, shares or scales anything differently gives other numbers.

    python -m tests.model_src.networks.golden      writes golden.npz again; only for a network that is meant to differ
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from model_src.networks.fpae import FPAE
from model_src.networks.tfen import TFEN

FILE = Path(__file__).with_name("golden.npz")
SIZE = 64
STRIDE = 4  # of the pixels that are kept: each output has 256 of its 4,096


def scattered(count: int, seed: int) -> np.ndarray:
    """float64 (count,) in [-1, 1), as scattered as random numbers: a hash of 1, 2, 3, ... in whole numbers."""
    bits = np.arange(1, count + 1, dtype=np.uint64) + np.uint64(seed * 1_000_003)
    for shift, factor in ((16, 0x45D9F3B), (16, 0x45D9F3B), (16, 1)):
        bits = ((bits ^ (bits >> np.uint64(shift))) * np.uint64(factor)) & np.uint64(0xFFFFFFFF)
    return bits.astype(np.float64) / 2**31 - 1


def set_weights(network: nn.Module, seed: int) -> None:
    """Give every weight and every statistic of `network` a value of its own, of the size that trained ones have."""
    weights: dict[str, Tensor] = {}
    for number, (name, old) in enumerate(network.state_dict().items()):
        values = torch.from_numpy(scattered(old.numel(), 100 * seed + number).reshape(old.shape))
        if name.endswith("num_batches_tracked"):
            weights[name] = old
        elif old.ndim == 4:
            weights[name] = values * math.sqrt(3 / (9 * min(old.shape[:2])))
        elif name.endswith("running_var") or (name.startswith("bn") and name.endswith("weight")):
            weights[name] = 1 + 0.5 * values
        else:
            weights[name] = 0.2 * values
    network.load_state_dict({name: value.to(torch.float32) for name, value in weights.items()})


def golden_tfen(autoencoder: type[nn.Module] = FPAE) -> TFEN:
    """Two autoencoders with weights by the formula, in evaluation mode."""
    networks = [autoencoder().eval() for _ in range(2)]
    for seed, network in enumerate(networks):
        set_weights(network, seed)
    return TFEN(*networks).eval()


def golden_image() -> Tensor:
    """(1, 1, 64, 64) float32 in [0, 1]: a bright disc, off the centre, in front of scattered gray values."""
    rows, columns = np.mgrid[:SIZE, :SIZE]
    disc = ((rows - 25) ** 2 + (columns - 38) ** 2 < 15**2).astype(np.float64)
    gray = 0.25 * (scattered(SIZE * SIZE, 99).reshape(SIZE, SIZE) + 1)
    return torch.from_numpy(gray + 0.5 * disc).to(torch.float32)[None, None]


@torch.inference_mode()
def outputs(tfen: nn.Module, latent: nn.Module) -> dict[str, Tensor]:
    """The six outputs that golden.npz holds, each of the pixels that are kept. `latent` is the healthy autoencoder."""
    x = golden_image()
    healthy, pneumonia = tfen.reconstruct(x)  # type: ignore[operator]
    residuals = tfen(x)[0]
    found = {
        "reconstruction_healthy": healthy[0, 0],
        "reconstruction_pneumonia": pneumonia[0, 0],
        "residual_healthy": residuals[0],
        "residual_pneumonia": residuals[1],
        "residual_both": residuals[2],
    }
    kept = {name: value[1::STRIDE, 2::STRIDE].clone() for name, value in found.items()}
    return kept | {"latent_healthy": latent(x)[1][0]}


def expected() -> dict[str, Tensor]:
    """What golden.npz holds."""
    with np.load(FILE) as arrays:
        return {name: torch.from_numpy(arrays[name]) for name in arrays}


if __name__ == "__main__":
    network = golden_tfen()
    found = outputs(network, network.healthy)
    np.savez_compressed(FILE, allow_pickle=False, **{name: value.numpy() for name, value in found.items()})
    for name, value in found.items():
        print(f"{name}: {tuple(value.shape)}, {value.min():.4f} to {value.max():.4f}, spread {value.std():.4f}")
