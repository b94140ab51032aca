"""Parity with the released autoencoder without its weights: the golden vector, and networks that miss it."""

from __future__ import annotations

import hashlib

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model_src import torchscript
from model_src.networks.fpae import FPAE
from tests.model_src.networks.golden import expected, golden_tfen, outputs, scattered

TOLERANCE = 1e-5
# Of the names and shapes of the released checkpoints, sorted.
RELEASED_NAMES = "0ae6c0f8370b213d63d657971435dcb83a7af6a56d2ca6914f76938ffa0b0883"


def difference(found: dict[str, Tensor]) -> float:
    """The largest of any of the six outputs from the golden one."""
    wanted = expected()
    assert found.keys() == wanted.keys()
    return max(float((found[name] - wanted[name]).abs().max()) for name in wanted)


def test_the_network_gives_the_golden_outputs() -> None:
    tfen = golden_tfen()
    assert len(expected()) == 6
    assert difference(outputs(tfen, tfen.healthy)) < TOLERANCE


def test_its_torchscript_gives_them_too() -> None:
    tfen = torchscript.script(golden_tfen())
    assert difference(outputs(tfen, tfen.healthy)) < TOLERANCE


def test_released_checkpoints_have_these_names_and_shapes() -> None:
    lines = sorted(f"{name} {tuple(value.shape)}" for name, value in FPAE().state_dict().items())
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest() == RELEASED_NAMES


def test_scattered_numbers_are_a_hash_of_whole_numbers() -> None:
    def hashed(bits: int) -> float:
        for factor in (73_244_475, 73_244_475, 1):
            bits = (bits ^ (bits >> 16)) * factor % 2**32
        return bits / 2**31 - 1

    assert scattered(3, 5).tolist() == [hashed(number + 5_000_015) for number in (1, 2, 3)]
    many = scattered(10_000, 0)
    assert abs(many.mean()) < 0.03
    assert abs(many.std() - 3**-0.5) < 0.01  # as numbers spread evenly from -1 to 1


class NormBeforeActivation(FPAE):
    """Batch norm, then ReLU, as most networks have it."""

    def _encode(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        c4 = self.conv4(x)
        c5 = self.conv5(F.relu(self.bn4(c4)))
        c6 = self.conv6(F.relu(self.bn5(c5)))
        c7 = self.conv7(F.relu(self.bn6(c6)))
        return c4, c5, c6, F.relu(self.bn7(c7))


class NormOfTheInputLeftOut(FPAE):
    """Without bn0."""

    def _trunk(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        c1 = self.conv1(x)
        c2 = self.conv2(self.bn1(F.relu(c1)))
        c3 = self.conv3(self.bn2(F.relu(c2)))
        return c1, c2, c3, self.bn3(F.relu(c3))


class SkipAfterActivation(FPAE):
    """The decoder is given what the encoder's activation leaves."""

    def _trunk(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        c1, c2, c3, trunk = super()._trunk(x)
        return F.relu(c1), c2, c3, trunk


class SmallerSizesHaveTheirOwnWeights(FPAE):
    """conv7 of the three smaller sizes is not that of the largest."""

    def __init__(self) -> None:
        super().__init__()
        self.own = nn.Conv2d(12, 8, 3, padding=1)
        self.largest = True

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        self.largest = True
        return super().forward(x)

    def _encode(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        c4, c5, c6, code = super()._encode(x)
        if not self.largest:
            code = self.bn7(F.relu(self.own(self.bn6(F.relu(c6)))))
        self.largest = False
        return c4, c5, c6, code


class OneDownForAllSizes(FPAE):
    """The smallest size is pooled instead of convolved."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        latent = self._encode(F.avg_pool2d(self.down(self.down(self._trunk(x)[3])), 2))[3]
        return super().forward(x)[0], latent


class Upsampling(FPAE):
    """The pyramid with another way of doubling its sizes."""

    mode: str = "nearest"
    corners: bool | None = None

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        c1, c2, c3, trunk = self._trunk(x)
        half = self.down(trunk)
        quarter = self.down(half)
        c4, c5, c6, code = self._encode(trunk)
        smaller = [self._encode(size)[3] for size in (half, quarter, self.down(quarter))]
        doubled = [code, *(self._doubled(code, times) for times, code in enumerate(smaller, 1))]
        y = self.conv_smooth3(self.conv_smooth2(self.conv_smooth1(torch.cat(doubled, 1))))
        for number, skip in enumerate((c6, c5, c4, c3, c2, c1), 1):
            y = F.relu(getattr(self, f"convtrans{number}")(y) + skip)
        return torch.sigmoid(self.convtrans7(y) + x), smaller[-1]

    def _doubled(self, code: Tensor, times: int) -> Tensor:
        for _ in range(times):
            code = F.interpolate(code, scale_factor=2.0, mode=self.mode, align_corners=self.corners)
        return code


class AlignedCorners(Upsampling):
    mode, corners = "bilinear", True


class AllAtOnce(Upsampling):
    """Eightfold in one step instead of doubling three times."""

    def _doubled(self, code: Tensor, times: int) -> Tensor:
        return F.interpolate(code, scale_factor=2.0**times, mode="bilinear", align_corners=False)


class AsItIs(Upsampling):
    mode, corners = "bilinear", False


@pytest.mark.parametrize(
    "wrong",
    [
        NormBeforeActivation, NormOfTheInputLeftOut, SkipAfterActivation, SmallerSizesHaveTheirOwnWeights,
        OneDownForAllSizes, Upsampling, AlignedCorners, AllAtOnce,
    ],
)  # fmt: skip
def test_a_network_that_differs_misses_them(wrong: type[FPAE]) -> None:
    tfen = golden_tfen(wrong)
    assert difference(outputs(tfen, tfen.healthy)) > 100 * TOLERANCE


def test_the_forward_pass_that_these_differ_from_is_right() -> None:
    tfen = golden_tfen(AsItIs)
    assert difference(outputs(tfen, tfen.healthy)) < TOLERANCE
