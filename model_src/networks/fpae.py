"""FPAE: the feature-pyramid autoencoder of CoroNet (paper, section 3.2 and Figure 1)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model_src.errors import CoroNetError

ENCODER_WIDTHS = (8, 16, 32, 24, 16, 12, 8)  # channels after conv1 .. conv7
DECODER_WIDTHS = (12, 16, 24, 32, 16, 8, 1)  # channels after convtrans1 .. convtrans7
SIZE_MULTIPLE = 8  # height and width must be multiples of this: the pyramid halves three times


class FPAE(nn.Module):
    """Autoencoder of gray images; it is trained on one class and reconstructs that class best.

    Convolutions are 3x3 with padding 1, and batch norm comes after the ReLU. Parameter names are those of
    the released checkpoints, which load unchanged. 53,659 parameters.
    """

    def __init__(self) -> None:
        super().__init__()
        w1, w2, w3, w4, w5, w6, w7 = ENCODER_WIDTHS
        self.bn0 = nn.BatchNorm2d(1)
        self.conv1, self.bn1 = _conv(1, w1), nn.BatchNorm2d(w1)
        self.conv2, self.bn2 = _conv(w1, w2), nn.BatchNorm2d(w2)
        self.conv3, self.bn3 = _conv(w2, w3), nn.BatchNorm2d(w3)
        self.down = _conv(w3, w3, stride=2)
        self.conv4, self.bn4 = _conv(w3, w4), nn.BatchNorm2d(w4)
        self.conv5, self.bn5 = _conv(w4, w5), nn.BatchNorm2d(w5)
        self.conv6, self.bn6 = _conv(w5, w6), nn.BatchNorm2d(w6)
        self.conv7, self.bn7 = _conv(w6, w7), nn.BatchNorm2d(w7)
        self.conv_smooth1 = _conv(4 * w7, 16)
        self.conv_smooth2 = _conv(16, 8)
        self.conv_smooth3 = _conv(8, 8)
        d1, d2, d3, d4, d5, d6, d7 = DECODER_WIDTHS
        self.convtrans1 = _convtrans(8, d1)
        self.convtrans2 = _convtrans(d1, d2)
        self.convtrans3 = _convtrans(d2, d3)
        self.convtrans4 = _convtrans(d3, d4)
        self.convtrans5 = _convtrans(d4, d5)
        self.convtrans6 = _convtrans(d5, d6)
        self.convtrans7 = _convtrans(d6, d7)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Reconstruct `x` (N, 1, H, W) float in [0, 1], H and W multiples of 8.

        Returns the reconstruction (N, 1, H, W) in (0, 1) and the latent (N, 8, H/8, W/8).
        """
        c1, c2, c3, trunk = self._trunk(x)
        half = self.down(trunk)
        quarter = self.down(half)
        eighth = self.down(quarter)
        c4, c5, c6, full_code = self._encode(trunk)
        half_code = self._encode(half)[3]
        quarter_code = self._encode(quarter)[3]
        latent = self._encode(eighth)[3]

        # From the smallest up, so that each doubling is done once for all that lies below it.
        pyramid = torch.cat([quarter_code, _double(latent)], 1)
        pyramid = torch.cat([half_code, _double(pyramid)], 1)
        pyramid = torch.cat([full_code, _double(pyramid)], 1)
        y = self.conv_smooth3(self.conv_smooth2(self.conv_smooth1(pyramid)))
        y = F.relu(self.convtrans1(y) + c6)
        y = F.relu(self.convtrans2(y) + c5)
        y = F.relu(self.convtrans3(y) + c4)
        y = F.relu(self.convtrans4(y) + c3)
        y = F.relu(self.convtrans5(y) + c2)
        y = F.relu(self.convtrans6(y) + c1)
        return torch.sigmoid(self.convtrans7(y) + x), latent

    @torch.jit.export
    def latent(self, x: Tensor) -> Tensor:
        """The latent alone, (N, 8, H/8, W/8), without the rest of the pyramid and the decoder (equation 4)."""
        trunk = self._trunk(x)[3]
        return self._encode(self.down(self.down(self.down(trunk))))[3]

    def _trunk(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """conv1..conv3 before activation (the decoder adds them) and the trunk's output, 32 channels."""
        c1 = self.conv1(self.bn0(x))
        c2 = self.conv2(self.bn1(F.relu(c1)))
        c3 = self.conv3(self.bn2(F.relu(c2)))
        return c1, c2, c3, self.bn3(F.relu(c3))

    def _encode(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """conv4..conv7, shared by all four sizes: conv4..conv6 before activation, and the 8-channel code."""
        c4 = self.conv4(x)
        c5 = self.conv5(self.bn4(F.relu(c4)))
        c6 = self.conv6(self.bn5(F.relu(c5)))
        c7 = self.conv7(self.bn6(F.relu(c6)))
        return c4, c5, c6, self.bn7(F.relu(c7))


def check_size(size: int) -> None:
    """Raise CoroNetError unless images of `size` x `size` pixels pass through the pyramid."""
    if size < 2 * SIZE_MULTIPLE or size % SIZE_MULTIPLE:
        raise CoroNetError(
            f"image size: found {size}, need a multiple of {SIZE_MULTIPLE}, at least {2 * SIZE_MULTIPLE}"
        )


def _conv(inputs: int, outputs: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1)


def _convtrans(inputs: int, outputs: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(inputs, outputs, 3, padding=1)


def _double(x: Tensor) -> Tensor:
    # F.interpolate(x, scale_factor=2.0, mode="bilinear"), whose TorchScript has branches that OpenVINO cannot convert.
    return torch.ops.aten.upsample_bilinear2d(x, None, False, [2.0, 2.0])
