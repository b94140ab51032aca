"""The explanation methods by name, for command lines, which do not import what computes them."""

from __future__ import annotations

METHODS = (
    "meaningful_perturbation",
    "integrated_gradients",
    "saliency",
    "gradient_shap",
    "grad_cam",
    "occlusion",
    "feature_ablation",
)
DEFAULT_METHOD = METHODS[0]
