"""The explanation methods a server offers, one row each; the first is the default."""

from __future__ import annotations

from explanations.method import Method
from explanations.methods import (
    feature_ablation,
    grad_cam,
    gradient_shap,
    integrated_gradients,
    meaningful_perturbation,
    occlusion,
    saliency,
)

METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        meaningful_perturbation.METHOD,
        integrated_gradients.METHOD,
        saliency.METHOD,
        gradient_shap.METHOD,
        grad_cam.METHOD,
        occlusion.METHOD,
        feature_ablation.METHOD,
    )
}
DEFAULT_METHOD = next(iter(METHODS))
