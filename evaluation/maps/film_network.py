"""A classifier straight on the film, in the shape of a CoroNet, so that the same explanation methods can explain it."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn

from model_src.errors import InvalidRequest
from model_src.networks.coronet import CoroNet
from model_src.networks.efficient_cin import EfficientCIN
from train.stages.baselines import XrayResNet


class _Film(nn.Module):
    """In the place of the TFEN: the film itself, three times."""

    def __init__(self, autoencoders: nn.Module | None) -> None:
        super().__init__()
        # In a tuple: they only draw a perturbed film, and are no part of this network's weights.
        self._autoencoders = (autoencoders,)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, S, S) -> (N, 3, S, S)."""
        return x.expand(-1, 3, -1, -1)

    def reconstruct(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The drawings of another model's autoencoders, for perturbations that ask for them."""
        if self._autoencoders[0] is None:
            raise InvalidRequest("perturbation: this network has no healthy autoencoder; need blur, fade or noise")
        return cast(Any, self._autoencoders[0]).reconstruct(x)


class _FilmClassifier(nn.Module):
    """A baseline parted where Grad-CAM looks, as a CIN is."""

    def __init__(self, model: XrayResNet) -> None:
        super().__init__()
        self.model = model

    def forward(self, film: Tensor) -> Tensor:
        """Logits (N, 3)."""
        return self.classify(self.features(film))

    def features(self, film: Tensor) -> Tensor:
        """The last convolutional map."""
        return self.feature_maps(film)[-1]

    def feature_maps(self, film: Tensor) -> list[Tensor]:
        """The maps that the four layers return, or what stands for them."""
        net: Any = self.model.network
        x = (film - self.model.input_mean) / self.model.input_std
        if isinstance(net, EfficientCIN):
            return net.feature_maps(x)
        maps = [net.maxpool(net.relu(net.bn1(net.conv1(x))))]
        for layer in (net.layer1, net.layer2, net.layer3, net.layer4):
            maps.append(layer(maps[-1]))
        return maps[1:]

    def classify(self, features: Tensor) -> Tensor:
        """Logits (N, 3) from the map that `features` returns."""
        net: Any = self.model.network
        if isinstance(net, EfficientCIN):
            return net.classify(features)
        return net.fc(torch.flatten(net.avgpool(features), 1))


def explainable(model: CoroNet | XrayResNet, autoencoders: nn.Module | None = None) -> CoroNet:
    """`model` as the explanation methods take it.

    Args:
        model: on its device.
        autoencoders: the TFEN that draws a perturbed film for a network without one.
    """
    if isinstance(model, CoroNet):
        return model
    return CoroNet(_Film(autoencoders), _FilmClassifier(model)).eval()
