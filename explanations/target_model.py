"""A CoroNet seen from one target class per image: the scores that explanation methods ask for."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from explanations.deadline import Deadline
from model_src.errors import InvalidRequest
from model_src.networks.coronet import CoroNet


class TargetModel:
    """A CoroNet with one target class per image of a batch.

    Methods that take gradients use `log_odds`, which does not flatten out when a probability nears 0 or 1;
    meaningful perturbation and the scores use `probability`. What the network says of the images as they are is
    computed once, by whoever made this model, and asked for as `original_...`.
    """

    def __init__(
        self,
        network: CoroNet,
        targets: Sequence[int] | Tensor,
        device: torch.device,
        deadline: Deadline | None = None,
        original: Tensor | None = None,
    ) -> None:
        """A view of `network`, which is on `device`.

        Args:
            network: the whole CoroNet, eager or of TorchScript artefacts.
            targets: class index of each image, N of them.
            device: where images and scores are.
            deadline: when the maps must be done.
            original: logits (N, 3) float32 of the unchanged images, where they are known.
        """
        self.network = network
        self.device = device
        self.deadline = deadline
        self.targets = torch.as_tensor(targets, dtype=torch.long, device=device)
        self.original = original

    def only(self, rows: Sequence[int] | Tensor) -> TargetModel:
        """The same network for some images of the batch (or for repeats of them)."""
        rows = torch.as_tensor(rows, device=self.device)
        original = None if self.original is None else self.original[rows]
        return TargetModel(self.network, self.targets[rows], self.device, self.deadline, original)

    def logits(self, x: Tensor) -> Tensor:
        """(N, 1, S, S) in [0, 1] -> (N, 3) float32."""
        return self.network(x).float()

    def probability(self, x: Tensor) -> Tensor:
        """(N, 1, S, S) -> (N,) probability of each image's target, float32 in [0, 1]."""
        return self.probability_of(self.logits(x))

    def probability_of(self, logits: Tensor) -> Tensor:
        """(N, 3) logits -> (N,) probability of the target."""
        return self.pick(logits.softmax(dim=1))

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

    def original_logits(self, x: Tensor) -> Tensor:
        """(N, 3) logits of the unchanged images `x`: those that are known, else computed now, without gradients."""
        if self.original is not None:
            return self.original
        with torch.no_grad():
            return self.logits(x)

    def original_probability(self, x: Tensor) -> Tensor:
        """(N,) probability of the target for the unchanged images `x`."""
        return self.probability_of(self.original_logits(x))

    def check_deadline(self) -> None:
        """Raise InvalidRequest if the map should be done by now; between the pieces of a method's work."""
        if self.deadline is not None and self.deadline.passed():
            raise InvalidRequest(
                f"steps: the map was not done when {self.deadline.why} was reached; ask for fewer steps"
            )

    def pick(self, values: Tensor) -> Tensor:
        """(N, 3) -> (N,): the target's column of each row."""
        return values.gather(1, self.targets[:, None]).squeeze(1)
