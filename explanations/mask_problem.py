"""What meaningful perturbation minimises, for a batch of images; formulas in methods/meaningful_perturbation.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from explanations.mask import MaskUpsampler, total_variation
from explanations.target_model import TargetModel

DELETION, PRESERVATION = -1.0, 1.0


class Terms(NamedTuple):
    """The objective's parts, each (N,), weights applied; the objective is their sum."""

    area: Tensor
    tv: Tensor
    probability: Tensor  # of the target, with the sign of the objective


@dataclass
class MaskProblem:
    """Images, what they are perturbed to, and the weights of the objective: numbers, or tensors that hold one."""

    model: TargetModel
    x: Tensor  # (N, 1, S, S)
    perturbed: Tensor  # (N, 1, S, S)
    draw: MaskUpsampler
    direction: float | Tensor  # DELETION or PRESERVATION
    area: float | Tensor
    tv: float | Tensor
    beta: float | Tensor

    def compose(self, mask: Tensor, shift: tuple[int, int] | Tensor) -> Tensor:
        """Phi(X, m) (N, 1, S, S): the image where the mask (N, 28, 28) is 1, the perturbed one where it is 0."""
        return self.perturbed.lerp(self.x, self.draw(mask, shift))

    def probability(self, mask: Tensor, shift: tuple[int, int] | Tensor = (0, 0)) -> Tensor:
        """(N,) probability of the target for Phi(X, m)."""
        return self.model.probability(self.compose(mask, shift))

    def terms(self, mask: Tensor, shift: tuple[int, int] | Tensor) -> Terms:
        """The objective's terms for masks (N, 28, 28)."""
        chosen = 0.5 + self.direction * (mask.mean(dim=(1, 2)) - 0.5)  # the part that is removed, or kept
        return Terms(
            area=self.area * chosen,
            tv=self.tv * total_variation(mask, self.beta),
            probability=-self.direction * self.probability(mask, shift),
        )

    def only(self, rows: Tensor) -> MaskProblem:
        """The problem of some images of the batch."""
        return MaskProblem(
            self.model.only(rows), self.x[rows], self.perturbed[rows], self.draw,
            self.direction, self.area, self.tv, self.beta,
        )  # fmt: skip
