"""The plain alternatives: a ResNet straight on the X-ray, no autoencoders, as in the works the paper compares with."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torchvision import models

from model_src.classes import CLASS_NAMES
from model_src.networks.coronet import Classified
from model_src.networks.efficient_cin import EfficientCIN

BASELINES = ("resnet18", "resnet50", "efficientnet_lite2")


class XrayResNet(nn.Module):
    """torchvision's ResNet-18 or ResNet-50, or EfficientNet-Lite2, on the gray image repeated to three channels."""

    input_mean: Tensor
    input_std: Tensor

    def __init__(self, architecture: str) -> None:
        super().__init__()
        self.network = (
            EfficientCIN()
            if architecture == "efficientnet_lite2"
            else getattr(models, architecture)(num_classes=len(CLASS_NAMES))
        )
        self.register_buffer("input_mean", torch.zeros(1, 1, 1))
        self.register_buffer("input_std", torch.ones(1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, 3) of images `x` (N, 1, S, S) float32 in [0, 1]."""
        return self.network(((x - self.input_mean) / self.input_std).expand(-1, 3, -1, -1))

    @torch.inference_mode()
    def classify(self, x: Tensor) -> Classified:
        """Probabilities of `x`; there are no residuals."""
        return Classified(self(x).softmax(dim=1), None)
