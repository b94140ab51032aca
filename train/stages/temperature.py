"""Temperature scaling (Guo et al., ICML 2017): probabilities that mean what they say, without changing an answer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from scipy.optimize import minimize_scalar
from torch import Tensor

from train.stages.stage import Weights

LOWEST, HIGHEST = 0.2, 5.0


def fit_temperature(probabilities: Tensor, truth: Sequence[int]) -> float:
    """The T that minimises the cross-entropy of softmax(logits / T) on held-out images.

    Args:
        probabilities: (N, C) at T = 1.
        truth: N class indices.

    Returns:
        T in [0.2, 5]; above 1 the network was too sure of itself, below 1 (as after label smoothing) not sure enough.
    """
    logits = probabilities.double().clamp_min(1e-12).log()
    targets = torch.tensor(truth)

    def loss(log_temperature: float) -> float:
        return float(F.cross_entropy(logits / np.exp(log_temperature), targets))

    found = minimize_scalar(loss, bounds=(np.log(LOWEST), np.log(HIGHEST)), method="bounded")
    return float(np.exp(found.x))


def divide_logits(weights: Weights, temperature: float) -> Weights:
    """A ResNet's state dict whose logits are divided by `temperature`: its last layer `fc`, scaled."""
    scaled = {"fc.weight", "fc.bias", "network.fc.weight", "network.fc.bias"}
    return {name: value / temperature if name in scaled else value for name, value in weights.items()}
