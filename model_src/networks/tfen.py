"""TFEN: the two frozen autoencoders that turn an X-ray into residual images (paper, section 2.1)."""

import torch
from torch import Tensor, nn


class TFEN(nn.Module):
    """Task-based feature extraction network: a healthy and a pneumonia FPAE side by side."""

    def __init__(self, healthy: nn.Module, pneumonia: nn.Module) -> None:
        super().__init__()
        self.healthy = healthy
        self.pneumonia = pneumonia

    def forward(self, x: Tensor) -> Tensor:
        """Residuals (N, 3, H, W) of `x` (N, 1, H, W) float in [0, 1]; channels are equations (5), (6), (7).

        Channels 0 and 1 are |X - F_H(X)| and |X - F_P(X)|, in [0, 1]; channel 2 is
        |2X - F_H(X) - F_P(X)|, in [0, 2].
        """
        healthy, pneumonia = self.reconstruct(x)
        difference_h = x - healthy
        difference_p = x - pneumonia
        return torch.cat([difference_h, difference_p, difference_h + difference_p], dim=1).abs()

    @torch.jit.export
    def reconstruct(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """F_H(X) and F_P(X), each (N, 1, H, W) in (0, 1)."""
        return self.healthy(x)[0], self.pneumonia(x)[0]


class FilmTFEN(TFEN):
    """A TFEN whose third map is the film itself.

    Equation (7) is the sum of what equations (5) and (6) are the sizes of, so little is lost; and what both
    autoencoders reconstruct, such as an opacity, is in no residual.
    """

    film: Tensor

    def __init__(self, healthy: nn.Module, pneumonia: nn.Module) -> None:
        super().__init__(healthy, pneumonia)
        self.register_buffer("film", torch.empty(0))  # tells its weights from those of a TFEN

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, 3, H, W) of `x` (N, 1, H, W) float in [0, 1]: |X - F_H(X)|, |X - F_P(X)| and X, in [0, 1]."""
        healthy, pneumonia = self.reconstruct(x)
        return torch.cat([(x - healthy).abs(), (x - pneumonia).abs(), x], dim=1)
