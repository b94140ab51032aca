"""CIN: the classifier of residual images, a ResNet-18 with three outputs (paper, section 2.2)."""

from collections.abc import Mapping

import torch
from torch import Tensor

from model_src.classes import CLASS_NAMES
from model_src.networks.resnet import ResNet18


class CIN(ResNet18):
    """A ResNet-18 on the TFEN's output, with torchvision's names of parameters.

    The paper feeds residuals as they are; a recipe may ask for standardised ones, and then the mean and
    standard deviation of the training residuals travel here as two buffers (0 and 1 by default). Batch
    norm follows the first convolution, so this changes how fast it trains, not what it can express.
    """

    residual_mean: Tensor
    residual_std: Tensor

    def __init__(self) -> None:
        super().__init__(classes=len(CLASS_NAMES))
        self.register_buffer("residual_mean", torch.zeros(3, 1, 1))
        self.register_buffer("residual_std", torch.ones(3, 1, 1))

    def forward(self, r: Tensor) -> Tensor:
        """Logits (N, 3) of residuals `r` (N, 3, H, W)."""
        return self.classify(self.features(r))

    @torch.jit.export
    def features(self, r: Tensor) -> Tensor:
        """The last convolutional map (N, 512, H/32, W/32), rounded up."""
        x = (r - self.residual_mean) / self.residual_std
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        return self.layer4(self.layer3(self.layer2(self.layer1(x))))

    def feature_maps(self, r: Tensor) -> list[Tensor]:
        """The maps that the four layers return, the last as `features`; of eager networks alone."""
        x = (r - self.residual_mean) / self.residual_std
        maps = [self.maxpool(self.relu(self.bn1(self.conv1(x))))]
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            maps.append(layer(maps[-1]))
        return maps[1:]

    @torch.jit.export
    def classify(self, f: Tensor) -> Tensor:
        """Logits (N, 3) from the map that `features` returns."""
        return self.fc(torch.flatten(self.avgpool(f), 1))

    def load_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Load a state dict of ours or of a plain torchvision ResNet-18 with three outputs (no normalisation).

        Raises RuntimeError, as load_state_dict does, when names or shapes differ.
        """
        identity = {"residual_mean": torch.zeros(3, 1, 1), "residual_std": torch.ones(3, 1, 1)}
        self.load_state_dict({**identity, **weights})
