"""Maps that a TFEN could show the classifier in place of the paper's residuals, and other autoencoders to make them.

All keep the interface: (N, 1, S, S) films in [0, 1] -> (N, 3, S', S') float32.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model_src.classes import HEALTHY, PNEUMONIA
from model_src.networks.fpae import FPAE
from model_src.networks.tfen import TFEN
from train.data.augmentation import apply_variants, choose_variants
from train.data.classifier_inputs import ClassifierInputs
from train.recipe import load_recipe
from train.stages.stage import batches, learning_rate, set_learning_rate, shuffled

Maps = Callable[[Tensor, Tensor, Tensor], Tensor]  # film, and what each autoencoder leaves of it with its sign -> maps
_BATCH = 32  # of the autoencoders


class BottleneckFPAE(FPAE):
    """The FPAE without its ways around the bottleneck: what the 1/8 code does not hold is not reconstructed."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """As FPAE.forward."""
        latent = self.latent(x)
        code = F.interpolate(latent, scale_factor=8.0, mode="bilinear", align_corners=False)
        y = self.conv_smooth3(self.conv_smooth2(self.conv_smooth1(torch.cat([code, code, code, code], 1))))
        y = F.relu(self.convtrans2(F.relu(self.convtrans1(y))))
        y = F.relu(self.convtrans4(F.relu(self.convtrans3(y))))
        y = F.relu(self.convtrans6(F.relu(self.convtrans5(y))))
        return torch.sigmoid(self.convtrans7(y)), latent


def with_holes(films: Tensor) -> Tensor:
    """Films with a quarter of their 16 x 16 blocks replaced by the film's mean: lesions are to be painted over."""
    side = films.shape[-1] // 16
    holes = (torch.rand(len(films), 1, side, side, device=films.device) < 0.25).float()
    holes = F.interpolate(holes, size=films.shape[2:])
    return torch.where(holes > 0, films.mean((2, 3), keepdim=True), films)


def with_noise(films: Tensor) -> Tensor:
    """Films under coarse noise, of the size of lesions."""
    side = films.shape[-1] // 8
    coarse = torch.randn(len(films), 1, side, side, device=films.device) * 0.2
    return (films + F.interpolate(coarse, size=films.shape[2:], mode="bicubic", align_corners=False)).clamp(0, 1)


def autoencoders(kind: type[FPAE], spoil: Callable[[Tensor], Tensor], inputs: ClassifierInputs, epochs: int) -> TFEN:
    """A TFEN whose autoencoders were trained to restore spoilt films of their class."""
    parts = []
    recipe = load_recipe("tuned").fpae
    for label in (HEALTHY, PNEUMONIA):
        torch.manual_seed(label)
        network = inputs.compute.prepare(kind()).train()
        own = np.flatnonzero(inputs.labels == label)
        optimiser = torch.optim.AdamW(network.parameters(), weight_decay=0.0)
        steps, step = epochs * -(-len(own) // _BATCH), 0
        for epoch in range(epochs):
            for batch in batches(own[shuffled(len(own), epoch, label)], _BATCH):
                chosen = choose_variants("left_right", 2, inputs.labels, batch, epoch, 0)
                films = inputs.compute.send(apply_variants(inputs.films, "left_right", batch, chosen, 0))
                set_learning_rate(optimiser, learning_rate(recipe, step, steps))
                optimiser.zero_grad(set_to_none=True)
                with inputs.compute.autocast():
                    loss = (network(spoil(films))[0].float() - films).square().mean()
                loss.backward()
                optimiser.step()
                step += 1
        parts.append(network.eval().requires_grad_(False))
    return TFEN(*parts).eval()


class Shown(nn.Module):
    """Three maps made of a film and its two reconstructions."""

    def __init__(self, tfen: TFEN, maps: Maps) -> None:
        super().__init__()
        self.tfen, self.maps = tfen, maps

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, S, S) -> (N, 3, S, S)."""
        healthy, pneumonia = self.tfen.reconstruct(x)
        return self.maps(x, x - healthy, x - pneumonia)


def smoothed(size: int) -> Maps:
    """Residuals averaged over squares of the size of a lesion, before their sign is dropped."""

    def maps(x: Tensor, h: Tensor, p: Tensor) -> Tensor:
        return F.avg_pool2d(torch.cat([h, p, h + p], 1), size, 1, size // 2, count_include_pad=False).abs()

    return maps


def several_scales(x: Tensor, h: Tensor, p: Tensor) -> Tensor:
    """The sum of both residuals as it is, over 5 and over 13 pixels."""
    both = h + p
    pooled = [F.avg_pool2d(both, size, 1, size // 2, count_include_pad=False) for size in (5, 13)]
    return torch.cat([both, *pooled], 1).abs()


def with_sign(x: Tensor, h: Tensor, p: Tensor) -> Tensor:
    """Residuals with their signs."""
    return torch.cat([h, p, h + p], 1)


def standardised(tfen: TFEN, inputs: ClassifierInputs) -> Maps:
    """Residuals in units of the autoencoder's usual error at that place, learnt on training films of its own class."""
    usual = []
    with torch.no_grad():
        for position, label in enumerate((HEALTHY, PNEUMONIA)):
            own = np.flatnonzero(inputs.labels == label)[:1024]
            films = inputs.compute.send(inputs.films.tensor(own))
            errors = torch.cat([(part - tfen.reconstruct(part)[position]).abs() for part in films.split(128)])
            usual.append((errors.mean(0, keepdim=True), errors.std(0, keepdim=True) + 1e-3))
    (mean_h, std_h), (mean_p, std_p) = usual

    def maps(x: Tensor, h: Tensor, p: Tensor) -> Tensor:
        scaled_h, scaled_p = (h.abs() - mean_h) / std_h, (p.abs() - mean_p) / std_p
        return torch.cat([scaled_h, scaled_p, (scaled_h - scaled_p)], 1).clamp(-5, 10)

    return maps


class Enlarged(nn.Module):
    """No autoencoders: the film three times, with larger maps for the same pixels."""

    def __init__(self, factor: int) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, S, S) -> (N, 3, factor S, factor S)."""
        return F.interpolate(x, scale_factor=float(self.factor), mode="bilinear").expand(-1, 3, -1, -1)
