"""The chain X-ray -> TFEN -> CIN as the explanation methods see it: scores of one target class per image."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from explanations.deadline import Deadline
from model_src.errors import InvalidRequest
from model_src.networks.coronet import CoroNet


class Chain:
    """A CoroNet with one target class per image of a batch.

    Methods that take gradients use `log_odds`, which does not flatten out when a probability nears 0 or 1;
    meaningful perturbation and the scores use `probability`.
    """

    def __init__(
        self,
        coronet: CoroNet,
        targets: Sequence[int] | Tensor,
        device: torch.device,
        deadline: Deadline | None = None,
    ) -> None:
        """`targets`: class index of each image, N of them; `deadline`: when the maps must be done."""
        self.coronet = coronet
        self.device = device
        self.deadline = deadline
        self.targets = torch.as_tensor(targets, dtype=torch.long, device=device)

    def only(self, rows: Sequence[int] | Tensor) -> Chain:
        """The same chain for some images of the batch (or for repeats of them)."""
        rows = torch.as_tensor(rows, device=self.device)
        return Chain(self.coronet, self.targets[rows], self.device, self.deadline)

    def logits(self, x: Tensor) -> Tensor:
        """(N, 1, S, S) in [0, 1] -> (N, 3) float32."""
        return self.coronet(x).float()

    def probability(self, x: Tensor) -> Tensor:
        """(N, 1, S, S) -> (N,) probability of each image's target, float32 in [0, 1]."""
        return self.pick(self.logits(x).softmax(dim=1))

    def log_odds(self, x: Tensor) -> Tensor:
        """(N, 1, S, S) -> (N,) log(p / (1 - p)) of each image's target, float32.

        Raises:
            InvalidRequest: the deadline has passed.
        """
        self.check_deadline()
        return self.log_odds_of(self.logits(x))

    def log_odds_of(self, logits: Tensor) -> Tensor:
        """(N, 3) logits -> (N,): the target's logit minus the log-sum-exp of the other two."""
        others = torch.arange(logits.shape[1], device=logits.device) != self.targets[:, None]
        rest = logits[others].reshape(len(logits), -1)
        return self.pick(logits) - rest.logsumexp(dim=1)

    def check_deadline(self) -> None:
        """Raise InvalidRequest if the map should be done by now; between the pieces of a method's work."""
        if self.deadline is not None and self.deadline.passed():
            raise InvalidRequest(
                f"steps: the map was not done when {self.deadline.why} was reached; ask for fewer steps"
            )

    def pick(self, values: Tensor) -> Tensor:
        """(N, 3) -> (N,): the target's column of each row."""
        return values.gather(1, self.targets[:, None]).squeeze(1)
