"""The TFEN on a GPU, both autoencoders as one network in 37 kernels (triton_kernels.py)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from model_src.engines import triton_kernels as kernels
from model_src.networks.folding import scale_and_shift
from model_src.networks.fpae import FPAE
from model_src.networks.plain_decoder import as_convolution
from model_src.networks.tfen import TFEN, FilmTFEN

_ALIGNED = 8  # channels of a map are a multiple of this, filled up with zeros


@dataclass(frozen=True)
class Tiling:
    """How a convolution is cut into programs; `python -m benchmarks.gpu_benchmark` tries others."""

    block: int = 128  # pixels of a program
    step: int = 32  # rows of the weights that are multiplied at once
    warps: int = 4
    stages: int = 3  # loads under way


@dataclass(frozen=True)
class _Layer:
    """A 3x3 convolution of both autoencoders, with the batch norm before it."""

    weights: Tensor  # (2, depth, width)
    bias: Tensor  # (2, width) float32
    inputs: int
    outputs: int
    stride: int = 1


@dataclass(frozen=True)
class _Norm:
    """Batch norm of both autoencoders as multiplication and addition, (2, C) float32 each."""

    scale: Tensor
    shift: Tensor


class TritonTFEN:
    """`TFEN` of a trained chain in one pass; weights and maps in `dtype`, sums and answers in float32."""

    def __init__(self, tfen: TFEN, device: torch.device, dtype: torch.dtype, tiling: Tiling = Tiling()) -> None:
        self.dtype = dtype
        self.tiling = tiling
        self._film = isinstance(tfen, FilmTFEN)
        twins: list[FPAE] = [tfen.healthy, tfen.pneumonia]  # type: ignore[list-item]
        self._layers = {
            name: _layer([getattr(fpae, name) for fpae in twins], dtype, device)
            for name, module in twins[0].named_children()
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d)
        }
        self._norms = {
            name: _norm([getattr(fpae, name) for fpae in twins], device)
            for name, module in twins[0].named_children()
            if isinstance(module, nn.BatchNorm2d)
        }

    def __call__(self, x: Tensor, mean: Tensor, std: Tensor) -> tuple[Tensor, Tensor]:
        """Residuals of images, for people and for the classifier.

        Args:
            x: (N, 1, S, S) float32 in [0, 1], contiguous, on the device.
            mean: (3,) float32, what the classifier subtracts from the residuals.
            std: (3,) float32, what it then divides by.

        Returns:
            (N, 3, S, S) float32, what the TFEN answers, and (N, 8, S, S) of `dtype`, channels-last: the same,
            standardised, and five channels of zeros.
        """
        drawn = self._reconstruct(x)
        images, _, height, width = x.shape
        found = torch.empty(images, 3, height, width, device=x.device)
        shown = torch.empty(images, height, width, _ALIGNED, device=x.device, dtype=self.dtype)
        pixels = images * height * width
        kernels.residuals[(-(-pixels // 256),)](
            x, drawn, mean, std, found, shown, pixels, height * width, FILM=self._film, BLOCK=256, num_warps=4
        )
        return found, shown.permute(0, 3, 1, 2)

    def _reconstruct(self, x: Tensor) -> Tensor:
        """(N, 1, S, S) -> (2, N, S, S) float32: F_H(X) and F_P(X)."""
        image = x.view(1, len(x), *x.shape[2:], 1)
        c1 = self._convolve("conv1", image, "bn0", before=kernels.SCALED)
        c2 = self._convolve("conv2", c1, "bn1")
        c3 = self._convolve("conv3", c2, "bn2")
        half = self._convolve("down", c3, "bn3")
        quarter = self._convolve("down", half)
        c4, c5, c6, full_code = self._encode(c3, "bn3")
        lower = self._join(self._encode(self._convolve("down", quarter))[3], None)
        lower = self._join(self._encode(quarter)[3], lower)
        lower = self._join(self._encode(half)[3], lower)
        y = self._join(full_code, lower)
        for name in ("conv_smooth1", "conv_smooth2", "conv_smooth3"):
            y = self._convolve(name, y)
        for number, skip in enumerate((c6, c5, c4, c3, c2, c1), 1):
            y = self._convolve(f"convtrans{number}", y, skip=skip, after=kernels.RELU)
        return self._convolve("convtrans7", y, skip=image, after=kernels.SIGMOID, dtype=torch.float32)[..., 0]

    def _encode(self, x: Tensor, norm: str | None = None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """conv4..conv7 before activation."""
        c4 = self._convolve("conv4", x, norm)
        c5 = self._convolve("conv5", c4, "bn4")
        c6 = self._convolve("conv6", c5, "bn5")
        return c4, c5, c6, self._convolve("conv7", c6, "bn6")

    def _convolve(
        self,
        name: str,
        x: Tensor,
        norm: str | None = None,
        before: kernels.tl.constexpr = kernels.ACTIVATED,
        skip: Tensor | None = None,
        after: kernels.tl.constexpr = kernels.RAW,
        dtype: torch.dtype | None = None,
    ) -> Tensor:
        """One layer: `norm` says which batch norm stands before it, `skip` what is added behind."""
        layer = self._layers[name]
        _, images, height, width, _ = x.shape
        height, width = height // layer.stride, width // layer.stride
        y = torch.empty(2, images, height, width, layer.outputs, device=x.device, dtype=dtype or self.dtype)
        folded = self._norms[norm] if norm else self._norms["bn0"]
        pixels = images * height * width
        tiling = self.tiling
        kernels.convolve[(-(-pixels // tiling.block), 2)](
            x,
            layer.weights,
            layer.bias,
            folded.scale,
            folded.shift,
            y if skip is None else skip,
            y,
            pixels,
            height,
            width,
            INPUTS=layer.inputs,
            OUTPUTS=layer.outputs,
            DEPTH=layer.weights.shape[1],
            WIDTH=layer.weights.shape[2],
            STRIDE=layer.stride,
            BEFORE=before if norm else kernels.AS_IS,
            AFTER=after,
            SKIP=skip is not None,
            IMAGE=layer.inputs == 1,
            EXACT=self.dtype == torch.float32,
            BLOCK=tiling.block,
            STEP=tiling.step,
            num_warps=tiling.warps,
            num_stages=tiling.stages,
        )
        return y

    def _join(self, code: Tensor, lower: Tensor | None) -> Tensor:
        """A level of the pyramid: codes, activated, before what lies below, enlarged twice."""
        _, images, height, width, channels = code.shape
        below = 0 if lower is None else lower.shape[-1]
        y = torch.empty(2, images, height, width, channels + below, device=code.device, dtype=self.dtype)
        norm, pixels = self._norms["bn7"], images * height * width
        kernels.join_doubled[(-(-pixels // 128), 2)](
            code, norm.scale, norm.shift, code if lower is None else lower, y, pixels, height, width,
            LOWER=below, BLOCK=128, num_warps=4,
        )  # fmt: skip
        return y


def _aligned(channels: int) -> int:
    return channels if channels == 1 else -(-channels // _ALIGNED) * _ALIGNED


def _layer(twins: list[nn.Conv2d | nn.ConvTranspose2d], dtype: torch.dtype, device: torch.device) -> _Layer:
    """Both convolutions of a name, transposed ones as plain ones."""
    layers = [as_convolution(twin) if isinstance(twin, nn.ConvTranspose2d) else twin for twin in twins]
    outputs, inputs = layers[0].weight.shape[:2]
    depth, width = -(-9 * _aligned(inputs) // 32) * 32, max(16, 1 << (outputs - 1).bit_length())
    weights = torch.zeros(2, depth, width)
    bias = torch.zeros(2, width)
    for number, layer in enumerate(layers):
        taps = torch.zeros(9, _aligned(inputs), width)
        taps[:, :inputs, :outputs] = layer.weight.detach().float().cpu().permute(2, 3, 1, 0).reshape(9, inputs, outputs)
        weights[number, : 9 * _aligned(inputs)] = taps.flatten(0, 1)
        if layer.bias is not None:
            bias[number, :outputs] = layer.bias.detach().float().cpu()
    return _Layer(
        weights.to(device, dtype), bias.to(device), _aligned(inputs), _aligned(outputs), int(layers[0].stride[0])
    )


def _norm(twins: list[nn.BatchNorm2d], device: torch.device) -> _Norm:
    """Both batch norms of a name."""
    channels = _aligned(twins[0].num_features)
    scale, shift = torch.zeros(2, channels), torch.zeros(2, channels)
    for number, twin in enumerate(twins):
        factor, added = scale_and_shift(twin)
        scale[number, : twin.num_features] = factor.float()
        shift[number, : twin.num_features] = added.float()
    return _Norm(scale.to(device), shift.to(device))
