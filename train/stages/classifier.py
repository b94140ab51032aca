"""Stage 2: the classifier, class-weighted cross-entropy on TFEN residuals (section 2.2) or, for a baseline, X-rays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from scipy.optimize import minimize_scalar
from sklearn.metrics import balanced_accuracy_score
from torch import Tensor, nn

from model_src.classes import CLASS_NAMES
from model_src.errors import RunError
from model_src.networks.depthwise import quick_depthwise
from model_src.networks.fpae import FPAE
from model_src.networks.kinds import CINS, TFENS, AnyCIN
from train.data.augmentation import choose_variants
from train.data.classifier_inputs import ClassifierInputs, residual_inputs
from train.data.compiled_tfen import tfen_for_training
from train.data.sampling import draw_films
from train.device import Compute
from train.rank import synchronise_batch_norm
from train.recipe import CinRecipe
from train.runs.run_folder import AUTOENCODERS, load_into
from train.session import TrainingSession
from train.stages.baselines import XrayResNet
from train.stages.feed import AHEAD_ON_GPU, Feed
from train.stages.graphed_loss import GraphedLoss
from train.stages.stage import Stage, Weights, micro_batch, run_stage
from train.stages.start_weights import start_weights

_ROUNDING = 1e-3  # of a target that adds up to 1
LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE = 0.2, 5.0


class ClassifierLoss(nn.Module):
    """Sum of class-weighted cross-entropies against soft targets.

    A target that adds up to more than 1 leaves several classes open. Which of them a film is of, the network's own
    answer says: the gradient is that of -log of the open classes' probability.
    """

    class_weights: Tensor

    def __init__(self, network: nn.Module, class_weights: Tensor, compute: Compute) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("class_weights", class_weights)
        self._compute = compute

    def forward(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Inputs (n, C, S, S), target probabilities (n, 3) -> scalar."""
        with self._compute.autocast():
            logits = self.network(inputs)
        found = logits.float().log_softmax(1)
        open_ = found.detach().exp() * targets
        several = (targets.sum(1) > 1 + _ROUNDING)[:, None]
        targets = torch.where(several, open_ / open_.sum(1, keepdim=True).clamp_min(1e-12), targets)
        losses = -(found * targets * self.class_weights)
        return losses.sum()


def check_batches(images: int, batch_size: int, size: int) -> None:
    """Raise RunError if batches leave one image alone, where images are too small for that.

    Batch norm needs two values per channel; up to 32 pixels, a ResNet's last map has one for each image.
    """
    at_once = micro_batch(size)
    if size <= 32 and 1 in (min(images, batch_size) % at_once, images % batch_size % at_once):
        raise RunError(
            f"{images} training images in batches of {batch_size} leave one image alone, too little for batch norm "
            f"at {size} pixels; need --image-size 40 or more, or another number of images"
        )


def train_classifier(session: TrainingSession) -> None:
    """Train the CIN on the residuals of the run's autoencoders, or the baseline that the options name on X-rays."""
    name = "cin" if session.options.model == "coronet" else session.options.model
    if session.run.weights_path(name).exists():
        return
    settings = session.recipe.cin
    train, validation = _residuals(session) if name == "cin" else _xrays(session)
    torch.manual_seed(session.seed)
    network = CINS[settings.network]() if name == "cin" else XrayResNet(name)
    if not session.run.checkpoint_path(name).exists():
        _start(network, train, session)
    prepared = session.compute.prepare(synchronise_batch_norm(network, session.rank))
    fit_classifier(name, settings, prepared, train, validation, session)


def _residuals(session: TrainingSession) -> tuple[ClassifierInputs, ClassifierInputs]:
    """Training and validation inputs of the CIN; the first process makes their files."""
    autoencoders = []
    for name in AUTOENCODERS:
        autoencoders.append(FPAE())
        stage = f"fpae_{name}"
        load_into(autoencoders[-1], session.run.load_weights(stage), session.run.weights_path(stage))
    settings, seed, folder = session.recipe.cin, session.seed, session.residual_folder
    tfen = session.compute.prepare(TFENS[settings.third_map](*autoencoders).eval().requires_grad_(False))
    on_gpu = session.compute.device.type == "cuda"
    kept = settings.keeps_residuals and not on_gpu
    # Validation scores what will be served, whose residuals are in float32 whatever training computes in.
    served = Compute(session.compute.device, bfloat16=False)
    in_training = tfen_for_training(tfen, session.recipe.image_size, session.compute)
    with session.rank.first_then_rest():
        train = residual_inputs(
            session.train, settings.augmentation, settings.variants, seed, session.compute, in_training,
            folder / "train" if kept else None, settings.mixup,
        )  # fmt: skip
        validation = residual_inputs(
            session.validation, settings.augmentation, 1, seed, served, tfen, None if on_gpu else folder / "validation"
        )
    return train, validation


def _xrays(session: TrainingSession) -> tuple[ClassifierInputs, ClassifierInputs]:
    """Training and validation inputs of a baseline."""
    settings = session.recipe.cin
    return (
        ClassifierInputs(session.train, settings.augmentation, session.seed, session.compute, settings.mixup),
        ClassifierInputs(session.validation, settings.augmentation, session.seed, session.compute),
    )


def _start(network: AnyCIN | XrayResNet, train: ClassifierInputs, session: TrainingSession) -> None:
    """Give the classifier starting weights and the scale of its inputs; run.json keeps what the start really was."""
    settings = session.recipe.cin
    if isinstance(network, XrayResNet):
        done = start_weights(network.network, session.options.model, settings.init)
    else:
        in_third = settings.third_map == "film"
        done = start_weights(network, settings.network, settings.init, film_in_third=in_third)
    if session.rank.is_first:
        session.run.write_record(session.run.record().changed(classifier_start=done))
        session.console.print(f"classifier starts from: {done}", markup=False, soft_wrap=True)
    if not settings.normalise:
        return
    mean, deviation = train.moments(session.seed)
    if isinstance(network, XrayResNet):
        network.input_mean, network.input_std = mean, deviation
    else:
        network.residual_mean, network.residual_std = mean, deviation


def fit_classifier(
    name: str,
    settings: CinRecipe,
    network: nn.Module,
    train: ClassifierInputs,
    validation: ClassifierInputs,
    session: TrainingSession,
) -> None:
    """Train `network` (already prepared for the device); resumes by itself.

    Selected by balanced accuracy on validation, ties by cross-entropy; the selected weights are then calibrated
    there, if the recipe says so. Weights go to `<name>.pt`.
    """
    compute, size = session.compute, train.images.image_size

    def order(epoch: int) -> np.ndarray:
        return draw_films(
            train.images.examples, settings.sampling, settings.films_per_epoch, epoch, session.seed
        )  # fmt: skip

    def variants(films: np.ndarray, epoch: int) -> np.ndarray:
        return choose_variants(settings.augmentation, settings.variants, train.labels, films, epoch, train.seed)

    shown = order(0)  # other epochs draw other films, by group as many of each
    weights = class_weights(
        settings.class_weights, train.labels[shown] if settings.sampling != "none" else train.labels
    )
    loss = ClassifierLoss(network, weights.to(compute.device), compute)
    wrapped = session.rank.wrap(loss)
    alone_on_gpu = compute.device.type == "cuda" and session.rank.count == 1
    feed = Feed(train, order, variants, settings.label_smoothing, AHEAD_ON_GPU if alone_on_gpu else 0)
    step = GraphedLoss(loss, min(settings.batch_size, micro_batch(size)), size) if alone_on_gpu else wrapped

    def losses(batch: np.ndarray, epoch: int) -> Tensor:
        return step(*feed.take(batch, epoch))

    def norm(batch: np.ndarray, epoch: int) -> float:
        of_label = torch.cat([weights, weights.mean()[None]])  # the last for NOT_COVID
        return float(of_label[train.labels[batch]].sum())

    def validate(network: nn.Module) -> dict[str, float]:
        return score(predict(network, validation, compute), validation.labels.tolist())

    def calibrated(best: Weights) -> tuple[Weights, dict[str, float]]:
        network.load_state_dict(best)
        probabilities = predict(network.eval(), validation, compute)
        temperature = fit_temperature(probabilities, validation.labels.tolist())
        return divide_logits(best, temperature), {"temperature": temperature}

    if compute.bfloat16 and compute.device.type == "cpu":
        quick_depthwise(network)
    finish = calibrated if settings.calibrate else None
    stage = Stage(
        name, settings, network, len(shown), micro_batch(size), losses, norm, validate, order, settings.average, finish
    )
    run_stage(stage, session)


def predict(network: nn.Module, inputs: ClassifierInputs, compute: Compute) -> Tensor:
    """Probabilities (N, 3) of all images as they are.

    In float32, as they will be served, whatever training computes in: bfloat16 answers one or two films in a hundred
    otherwise.
    """
    parts = []
    with torch.inference_mode():
        at_once = micro_batch(inputs.images.image_size)
        for part in np.array_split(np.arange(len(inputs.images)), max(1, len(inputs.images) // at_once)):
            batch = inputs.load(part, np.zeros(len(part), dtype=np.int64))
            parts.append(network(compute.send(batch)).softmax(1).cpu())
    return torch.cat(parts)


def score(probabilities: Tensor, truth: Sequence[int]) -> dict[str, float]:
    """Balanced accuracy and cross-entropy; "score" orders by the first, then by the second."""
    balanced = float(balanced_accuracy_score(truth, probabilities.argmax(1).numpy()))
    loss = float(F.nll_loss(probabilities.clamp_min(1e-12).log(), torch.tensor(truth)))
    return {"score": balanced - 1e-6 * loss, "balanced_accuracy": balanced, "loss": loss}


def class_weights(setting: str | tuple[float, ...], labels: np.ndarray) -> Tensor:
    """Weight per class (3,): "balanced" is N / (3 N_c), so that every class weighs the same in the loss."""
    if setting == "none":
        return torch.ones(len(CLASS_NAMES))
    if setting == "balanced":
        labels = labels[labels < len(CLASS_NAMES)]  # a film that leaves classes open counts for none
        counts = np.bincount(labels, minlength=len(CLASS_NAMES))
        return torch.tensor(len(labels) / (len(CLASS_NAMES) * counts), dtype=torch.float32)
    return torch.tensor(setting, dtype=torch.float32)


def fit_temperature(probabilities: Tensor, truth: Sequence[int]) -> float:
    """The T that minimises the cross-entropy of softmax(logits / T) on held-out images (Guo et al., ICML 2017).

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

    found = minimize_scalar(loss, bounds=(np.log(LOWEST_TEMPERATURE), np.log(HIGHEST_TEMPERATURE)), method="bounded")
    return float(np.exp(found.x))


def divide_logits(weights: Weights, temperature: float) -> Weights:
    """A ResNet's state dict whose logits are divided by `temperature`: its last layer `fc`, scaled."""
    scaled = {"fc.weight", "fc.bias", "network.fc.weight", "network.fc.bias"}
    return {name: value / temperature if name in scaled else value for name, value in weights.items()}
