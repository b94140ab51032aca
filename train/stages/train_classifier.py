"""Stage 2: the classifier, class-weighted cross-entropy on TFEN residuals (section 2.2) or, for a baseline, X-rays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from rich.console import Console
from sklearn.metrics import balanced_accuracy_score
from torch import Tensor, nn

from model_src.classes import CLASS_NAMES
from model_src.errors import RunError
from train.data.augmentation import choose_variants
from train.data.classifier_inputs import ClassifierInputs
from train.device import Compute
from train.distributed import Workers
from train.recipe import CinRecipe
from train.runs.run_folder import RunFolder
from train.stages.stage import MICRO_BATCH, Stage, Weights, run_stage
from train.stages.temperature import divide_logits, fit_temperature


class ClassifierLoss(nn.Module):
    """Sum of class-weighted cross-entropies against soft targets."""

    class_weights: Tensor

    def __init__(self, network: nn.Module, class_weights: Tensor) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("class_weights", class_weights)

    def forward(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Inputs (n, C, S, S), target probabilities (n, 3) -> scalar."""
        losses = -(self.network(inputs).float().log_softmax(1) * targets * self.class_weights)
        return losses.sum()


def train_classifier(
    name: str,
    network: nn.Module,
    settings: CinRecipe,
    train: ClassifierInputs,
    validation: ClassifierInputs,
    run: RunFolder,
    *,
    compute: Compute,
    place: Workers,
    seed: int,
    console: Console,
) -> None:
    """Train `network` (already prepared for the device); resumes by itself.

    Selected by balanced accuracy on validation, ties by cross-entropy; the selected weights are then calibrated
    there, if the recipe says so. Weights go to `<name>.pt`.

    Raises:
        RunError: the batches leave one image alone, and images are too small for that.
    """
    _refuse_lone_image(len(train.images), settings.batch_size, train.images.image_size)
    weights = class_weights(settings.class_weights, train.labels)
    loss = ClassifierLoss(network, weights.to(compute.device))
    wrapped = place.wrap(loss)

    def variants(batch: np.ndarray, epoch: int) -> np.ndarray:
        labels, kind = train.labels.tolist(), settings.augmentation
        return choose_variants(kind, settings.variants_shown, labels, batch.tolist(), epoch, train.seed)

    def targets(batch: np.ndarray, epoch: int) -> Tensor:
        smooth = settings.label_smoothing
        return train.targets(batch, variants(batch, epoch)) * (1 - smooth) + smooth / len(CLASS_NAMES)

    def losses(batch: np.ndarray, epoch: int) -> Tensor:
        inputs = train.load(batch, variants(batch, epoch))
        with compute.autocast():
            return wrapped(compute.send(inputs), targets(batch, epoch).to(compute.device))

    def norm(batch: np.ndarray, epoch: int) -> float:
        return float((targets(batch, epoch) * weights).sum())

    def validate(network: nn.Module) -> dict[str, float]:
        return judge(predict(network, validation, compute), validation.labels.tolist())

    def calibrated(best: Weights) -> tuple[Weights, dict[str, float]]:
        network.load_state_dict(best)
        probabilities = predict(network.eval(), validation, compute)
        temperature = fit_temperature(probabilities, validation.labels.tolist())
        return divide_logits(best, temperature), {"temperature": temperature}

    images, finish = len(train.images), calibrated if settings.calibrate else None
    stage = Stage(name, settings, network, images, losses, norm, validate, settings.average, finish)
    run_stage(stage, run, place, seed, console=console)


def predict(network: nn.Module, inputs: ClassifierInputs, compute: Compute) -> Tensor:
    """Probabilities (N, 3) of all images as they are."""
    parts = []
    with torch.inference_mode(), compute.autocast():
        for part in np.array_split(np.arange(len(inputs.images)), max(1, len(inputs.images) // MICRO_BATCH)):
            batch = inputs.load(part, np.zeros(len(part), dtype=np.int64))
            parts.append(network(compute.send(batch)).float().softmax(1).cpu())
    return torch.cat(parts)


def judge(probabilities: Tensor, truth: Sequence[int]) -> dict[str, float]:
    """Balanced accuracy and cross-entropy; "score" orders by the first, then by the second."""
    balanced = float(balanced_accuracy_score(truth, probabilities.argmax(1).numpy()))
    loss = float(F.nll_loss(probabilities.clamp_min(1e-12).log(), torch.tensor(truth)))
    return {"score": balanced - 1e-6 * loss, "balanced_accuracy": balanced, "loss": loss}


def class_weights(setting: str | tuple[float, ...], labels: np.ndarray) -> Tensor:
    """Weight per class (3,): "balanced" is N / (3 N_c), so that every class weighs the same in the loss."""
    if setting == "none":
        return torch.ones(len(CLASS_NAMES))
    if setting == "balanced":
        counts = np.bincount(labels, minlength=len(CLASS_NAMES))
        return torch.tensor(len(labels) / (len(CLASS_NAMES) * counts), dtype=torch.float32)
    return torch.tensor(setting, dtype=torch.float32)


def _refuse_lone_image(images: int, batch_size: int, size: int) -> None:
    """Batch norm needs two values per channel; up to 32 pixels, a ResNet's last map has one for each image."""
    if size <= 32 and 1 in (min(images, batch_size) % MICRO_BATCH, images % batch_size % MICRO_BATCH):
        raise RunError(
            f"{images} training images in batches of {batch_size} leave one image alone, too little for batch norm "
            f"at {size} pixels; need --image-size 40 or more, or another number of images"
        )
