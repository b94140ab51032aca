"""ResNet-18 (He et al., 2016) and a block that is left out at random, with torchvision's names of parameters.

Written out because importing torchvision takes longer than importing torch, and brings a compiler into every worker.
The same seed gives the same start weights as torchvision's.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_WIDTHS = (64, 128, 256, 512)
_BLOCKS = 2  # in each layer


class BasicBlock(nn.Module):
    """Two 3x3 convolutions, and the input added to what they give."""

    def __init__(self, inputs: int, outputs: int, stride: int, downsample: nn.Sequential | None) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = downsample  # of the input, where shapes differ

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, H / stride, W / stride)."""
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.downsample is not None:
            x = self.downsample(x)
        return F.relu(y + x)


class ResNet18(nn.Module):
    """The layers of a ResNet-18, from `conv1` to `fc`; a subclass says what goes through them."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, _WIDTHS[0], 7, 2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(_WIDTHS[0])
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, 2, padding=1)
        self.layer1 = _layer(_WIDTHS[0], _WIDTHS[0], 1)
        self.layer2 = _layer(_WIDTHS[0], _WIDTHS[1], 2)
        self.layer3 = _layer(_WIDTHS[1], _WIDTHS[2], 2)
        self.layer4 = _layer(_WIDTHS[2], _WIDTHS[3], 2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(_WIDTHS[-1], classes)
        for module in self.modules():
            # A weight on the meta device has no values, and torch would import its compiler to draw none.
            if isinstance(module, nn.Conv2d) and not module.weight.is_meta:
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


def _layer(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    downsample = None
    if stride != 1:
        downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
    first = BasicBlock(inputs, outputs, stride, downsample)
    return nn.Sequential(first, *(BasicBlock(outputs, outputs, 1, None) for _ in range(_BLOCKS - 1)))


class StochasticDepth(nn.Module):
    """In training, zeroes what a block adds for a share of images and scales the others (Huang et al., 2016)."""

    def __init__(self, skipped: float) -> None:
        super().__init__()
        self.skipped = skipped

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> the same; unchanged in evaluation mode."""
        if not self.training or self.skipped == 0.0:
            return x
        kept = torch.empty(x.shape[0], 1, 1, 1, dtype=x.dtype, device=x.device).bernoulli_(1.0 - self.skipped)
        return x * kept.div_(1.0 - self.skipped)
