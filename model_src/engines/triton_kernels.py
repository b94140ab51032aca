"""GPU kernels of the TFEN: both autoencoders at once, and each map written once and read once.

A map is stored as a convolution leaves it, before activation, because the decoder wants it so. Whoever reads it next
applies activation and batch norm on the way in; outside the image there is then a true zero, as zero padding has it, so
batch norm folds exactly, at the border too. Maps are (2, N, H, W, C), the healthy autoencoder's first, C a multiple of
8, so that a thread reads 16 bytes at once. Sums are float32.

Offsets within an autoencoder's maps are 32 bits wide: N * H * W * C must stay below 2^31.
"""

from __future__ import annotations

import triton
import triton.language as tl

# What is done with a map on its way in, and with a sum on its way out.
AS_IS = tl.constexpr(0)
SCALED = tl.constexpr(1)  # batch norm
ACTIVATED = tl.constexpr(2)  # ReLU and batch norm
RAW = tl.constexpr(0)
RELU = tl.constexpr(1)
SIGMOID = tl.constexpr(2)


@triton.jit(do_not_specialize=["pixels", "height", "width"])
def convolve(
    x,  # (2, N, H * STRIDE, W * STRIDE, INPUTS); where IMAGE, (N, H, W, 1) for both
    weights,  # (2, DEPTH, WIDTH): rows are taps times input channels, zeros below and to the right
    bias,  # (2, WIDTH) float32
    scale,  # (2, INPUTS) float32, of the batch norm before; unread for AS_IS
    shift,
    skip,  # what is added to the sum: (2, N, H, W, OUTPUTS), or the image, (N, H, W, 1), for both
    y,  # (2, N, H, W, OUTPUTS)
    pixels,  # N * H * W
    height,
    width,
    INPUTS: tl.constexpr,
    OUTPUTS: tl.constexpr,
    DEPTH: tl.constexpr,
    WIDTH: tl.constexpr,
    STRIDE: tl.constexpr,
    BEFORE: tl.constexpr,
    AFTER: tl.constexpr,
    SKIP: tl.constexpr,
    IMAGE: tl.constexpr,
    EXACT: tl.constexpr,
    BLOCK: tl.constexpr,
    STEP: tl.constexpr,
):
    """3x3 convolution with padding 1 of both autoencoders; a program has BLOCK pixels of one of them."""
    twin = tl.program_id(1)
    pixel = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    column, row, image = pixel % width, (pixel // width) % height, pixel // (width * height)
    if not IMAGE:
        x += twin.to(tl.int64) * pixels * STRIDE * STRIDE * INPUTS
    weights += twin * DEPTH * WIDTH
    output = tl.arange(0, WIDTH)
    total = tl.zeros((BLOCK, WIDTH), tl.float32)
    for start in range(0, DEPTH, STEP):
        place = start + tl.arange(0, STEP)
        tap, channel = place // INPUTS, place % INPUTS
        down, right = tap // 3 - 1, tap % 3 - 1
        r = row[:, None] * STRIDE + down[None, :]
        c = column[:, None] * STRIDE + right[None, :]
        inside = (r >= 0) & (r < height * STRIDE) & (c >= 0) & (c < width * STRIDE)
        inside = inside & (place < 9 * INPUTS)[None, :] & (pixel < pixels)[:, None]
        offset = ((image[:, None] * (height * STRIDE) + r) * (width * STRIDE) + c) * INPUTS + channel[None, :]
        value = tl.load(x + offset, mask=inside, other=0.0)
        if BEFORE == ACTIVATED:
            value = tl.maximum(value, 0.0)
        if BEFORE != AS_IS:
            a = tl.load(scale + twin * INPUTS + channel)[None, :]
            b = tl.load(shift + twin * INPUTS + channel)[None, :]
            value = tl.where(inside, value.to(tl.float32) * a + b, 0.0)
        part = tl.load(weights + place[:, None] * WIDTH + output[None, :])
        if EXACT:
            total = tl.dot(value.to(part.dtype), part, total, input_precision="ieee")
        else:
            total = tl.dot(value.to(part.dtype), part, total)
    total += tl.load(bias + twin * WIDTH + output)[None, :]
    place_out = pixel[:, None] * OUTPUTS + output[None, :]
    written = (pixel < pixels)[:, None] & (output < OUTPUTS)[None, :]
    if SKIP:
        if OUTPUTS > 1:  # else the image
            skip += twin.to(tl.int64) * pixels * OUTPUTS
        total += tl.load(skip + place_out, mask=written, other=0.0).to(tl.float32)
    if AFTER == RELU:
        total = tl.maximum(total, 0.0)
    if AFTER == SIGMOID:
        total = 1.0 / (1.0 + tl.exp(-total))
    y += twin.to(tl.int64) * pixels * OUTPUTS
    tl.store(y + place_out, total.to(y.dtype.element_ty), mask=written)


@triton.jit(do_not_specialize=["pixels", "height", "width"])
def join_doubled(
    code,  # (2, N, H, W, 8), before activation
    scale,  # (2, 8) float32, of the batch norm behind it
    shift,
    lower,  # (2, N, H / 2, W / 2, LOWER)
    y,  # (2, N, H, W, 8 + LOWER)
    pixels,
    height,
    width,
    LOWER: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """The pyramid's next level: its own code, and what lies below it enlarged twice (bilinear)."""
    CODE: tl.constexpr = 8
    twin = tl.program_id(1)
    pixel = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    there = (pixel < pixels)[:, None]
    column, row, image = pixel % width, (pixel // width) % height, pixel // (width * height)
    y += twin.to(tl.int64) * pixels * (CODE + LOWER) + pixel[:, None] * (CODE + LOWER)

    own = tl.arange(0, CODE)
    value = tl.load(code + twin.to(tl.int64) * pixels * CODE + pixel[:, None] * CODE + own[None, :], mask=there)
    a = tl.load(scale + twin * CODE + own)[None, :]
    b = tl.load(shift + twin * CODE + own)[None, :]
    value = tl.maximum(value.to(tl.float32), 0.0) * a + b
    tl.store(y + own[None, :], value.to(y.dtype.element_ty), mask=there)

    half_height, half_width = height // 2, width // 2
    near_row, near_column = row // 2, column // 2  # weight 3/4; the other neighbour, 1/4, is repeated at the border
    far_row = tl.minimum(tl.maximum(near_row - 1 + 2 * (row % 2), 0), half_height - 1)
    far_column = tl.minimum(tl.maximum(near_column - 1 + 2 * (column % 2), 0), half_width - 1)
    below = tl.arange(0, 32)
    read = there & (below < LOWER)[None, :]
    lower += twin.to(tl.int64) * (pixels // 4) * LOWER
    near = (image * half_height + near_row) * half_width
    far = (image * half_height + far_row) * half_width
    total = 0.5625 * tl.load(lower + (near + near_column)[:, None] * LOWER + below[None, :], mask=read).to(tl.float32)
    total += 0.1875 * tl.load(lower + (near + far_column)[:, None] * LOWER + below[None, :], mask=read).to(tl.float32)
    total += 0.1875 * tl.load(lower + (far + near_column)[:, None] * LOWER + below[None, :], mask=read).to(tl.float32)
    total += 0.0625 * tl.load(lower + (far + far_column)[:, None] * LOWER + below[None, :], mask=read).to(tl.float32)
    tl.store(y + CODE + below[None, :], total.to(y.dtype.element_ty), mask=read)


@triton.jit(do_not_specialize=["pixels", "area"])
def residuals(
    x,  # (N, H, W) float32
    drawn,  # (2, N, H, W) float32
    mean,  # (3,) float32: what the classifier subtracts, and divides by
    std,
    y,  # (N, 3, H, W) float32
    shown,  # (N, H, W, 8), standardised, five channels of zeros behind
    pixels,
    area,  # H * W
    FILM: tl.constexpr,  # whether the third map is the film in place of equation (7)
    BLOCK: tl.constexpr,
):
    """Equations (5) to (7) of the paper, as they are and as the classifier takes them."""
    pixel = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    there = pixel < pixels
    value = tl.load(x + pixel, mask=there, other=0.0)
    healthy = value - tl.load(drawn + pixel, mask=there, other=0.0)
    pneumonia = value - tl.load(drawn + pixels + pixel, mask=there, other=0.0)
    third = value if FILM else tl.abs(healthy + pneumonia)
    healthy, pneumonia = tl.abs(healthy), tl.abs(pneumonia)
    place = (pixel // area) * (3 * area) + pixel % area
    tl.store(y + place, healthy, mask=there)
    tl.store(y + place + area, pneumonia, mask=there)
    tl.store(y + place + 2 * area, third, mask=there)
    channel = tl.arange(0, 8)[None, :]
    spread = tl.where(channel == 0, healthy[:, None], tl.where(channel == 1, pneumonia[:, None], third[:, None]))
    a = tl.load(mean + channel, mask=channel < 3, other=0.0)
    s = tl.load(std + channel, mask=channel < 3, other=1.0)
    spread = tl.where(channel < 3, (spread - a) / s, 0.0)
    tl.store(shown + pixel[:, None] * 8 + channel, spread.to(shown.dtype.element_ty), mask=there[:, None])
