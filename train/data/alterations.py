"""What else differs between films of two hospitals, besides the disease: position, exposure, sharpness, borders.

A class whose films come from other hospitals than the rest can be told by all of this. An alteration changes one such
thing at random, so that it tells nothing any more. Each takes films, float32 (n, 1, S, S) in [0, 1], and their draws,
and gives new films of the same shape and range, on the same device. What happens to a film depends on its own draws
alone, not on the others beside it.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from train.data.draws import Draws

# Position. A film cropped to the lungs shows about 0.7 of the usual side.
ROTATION_DEGREES = 12.0
CLOSEST, WIDEST = 0.72, 1.12  # of the film's side, how much is seen
STRETCH = 0.1
SHIFT = 0.06
# What another film looks like: texture and edges are all that some networks need to tell its hospital.
TEXTURE_SHARE, EDGES_SHARE = 0.5, 0.35
MOST_TEXTURE = 3.0  # times more or less of a frequency than the film had
LOWEST_FREQUENCY = 2  # waves a side: fewer are the chest itself
NEAREST_EDGE, FARTHEST_EDGE = 0.68, 0.98  # of half the side, where another film's edges begin
# Edges: collimation, markers, burned-in text.
BORDER_SHARE, WIDEST_BORDER = 0.3, 0.14
CORNER_SHARE, WIDEST_CORNER = 0.2, 0.24
HOLE_SHARE, WIDEST_HOLE = 0.1, 0.33
# Exposure and processing.
EQUALISED_SHARE = 0.05
MATCHED_SHARE = 0.25
GAMMA = 0.3
CONTRAST, BRIGHTNESS = 0.2, 0.08
FIELD_SHARE, FIELD = 0.15, 0.25
# Sharpness, noise, compression.
BLURRED_SHARE, SHARPENED_SHARE = 0.35, 0.15
LEAST_BLUR, MOST_BLUR = 0.003, 0.0105  # standard deviation, of the side
NOISE = 0.015
COMPRESSED_SHARE = 0.1
WORST_QUALITY, BEST_QUALITY = 20, 70

# How coarsely JPEG keeps each wave of an 8 x 8 block at quality 50 (ITU-T T.81, table K.1, luminance).
_JPEG_STEPS = (
    (16, 11, 10, 16, 24, 40, 51, 61), (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56), (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77), (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101), (72, 92, 95, 98, 112, 100, 103, 99),
)  # fmt: skip


def as_from_another_hospital(films: Tensor, draws: Draws, others: Tensor) -> Tensor:
    """Films with every kind of alteration, in the order in which a film meets them.

    Args:
        films: (n, 1, S, S) float32 in [0, 1]; S a multiple of 8.
        draws: n streams; they decide everything.
        others: any other films, as many; a share of the films gets their texture, edges or gray values.
    """
    films = take_over(films, draws, others)
    films = erase_edges(films, draws)
    films = reposition(films, draws)
    films = expose(films, draws, others)
    films = resharpen(films, draws)
    return compress(films, draws)


def take_over(films: Tensor, draws: Draws, others: Tensor) -> Tensor:
    """Give a share of the films the texture of `others`, and a share their edges."""
    amount = draws.uniform() * draws.chance(TEXTURE_SHARE)
    films = with_texture(films, others, amount)
    chosen = draws.chance(EDGES_SHARE)
    side = films.shape[-1]
    place = (torch.arange(side, device=films.device) + 0.5) * 2 / side - 1
    centre, reach = draws.uniform(-0.05, 0.05, (2,)), draws.uniform(NEAREST_EDGE, FARTHEST_EDGE, (2,))
    down, across = ((place[None] - centre[:, k, None]) / reach[:, k, None] for k in range(2))
    # A square with round corners and a soft rim: a sharp one would be a sign of its own.
    distance = (down[:, :, None] ** 4 + across[:, None, :] ** 4) ** 0.25
    own = torch.sigmoid((1 - distance) * 20)[:, None]
    return torch.where(chosen[:, None, None, None], others.lerp(films, own), films)


def with_texture(films: Tensor, others: Tensor, amount: Tensor) -> Tensor:
    """Films with as much of each frequency as `others` (films of that shape) have, by `amount` (n,), 0 = not at all.

    The mean magnitude over all directions is what sharpness, noise and scanning leave.
    Where things are is in the phases.
    """
    side = films.shape[-1]
    waves, wanted = (torch.fft.rfft2(part[:, 0]) for part in (films, others))
    down = torch.fft.fftfreq(side, device=films.device)[:, None] * side
    across = torch.fft.rfftfreq(side, device=films.device)[None] * side
    ring = (down**2 + across**2).sqrt().round().long().clamp(max=side // 2).flatten()
    rings = side // 2 + 1
    means = [
        torch.zeros(len(films), rings, device=films.device).index_add_(1, ring, part.abs().flatten(1))
        for part in (waves, wanted)
    ]
    ratio = (means[1] / means[0].clamp_min(1e-6)).clamp(1 / MOST_TEXTURE, MOST_TEXTURE)
    ratio = F.avg_pool1d(F.pad(ratio[:, None], (2, 2), mode="replicate"), 5, 1)[:, 0]
    ratio[:, :LOWEST_FREQUENCY] = 1
    factor = (ratio ** amount[:, None])[:, ring].view(-1, *waves.shape[1:])
    return torch.fft.irfft2(waves * factor, s=(side, side))[:, None].clamp(0, 1)


def erase_edges(films: Tensor, draws: Draws) -> Tensor:
    """Cover some of the borders, corners and now and then a part of the film with gray, black or noise."""
    side = films.shape[-1]
    median = films.flatten(1).median(1).values
    place = torch.arange(side, device=films.device)
    down, across = place[None, :, None], place[None, None, :]  # rows and columns

    chosen = draws.chance(BORDER_SHARE)[:, None] & draws.chance(0.75, (4,))
    width = draws.whole(1, max(2, round(side * WIDEST_BORDER)), (4,)) * chosen
    top, bottom, left, right = width[:, :, None, None].unbind(1)
    border = (down < top) | (down >= side - bottom) | (across < left) | (across >= side - right)
    films = _covered(films, border, median, draws)

    chosen = draws.chance(CORNER_SHARE)[:, None] & draws.chance(0.6, (4,))
    height, width = (
        (draws.whole(max(1, side // 16), max(2, round(side * WIDEST_CORNER)), (4,)) * chosen)[:, :, None, None]
        for _ in range(2)
    )
    from_edge_down = torch.stack([down, down, side - 1 - down, side - 1 - down], 1)
    from_edge_across = torch.stack([across, side - 1 - across, across, side - 1 - across], 1)
    corners = ((from_edge_down < height) & (from_edge_across < width)).any(1)
    films = _covered(films, corners, median, draws)

    chosen = draws.chance(HOLE_SHARE)
    height, width = (
        (draws.whole(max(1, side // 10), max(2, round(side * WIDEST_HOLE))) * chosen)[:, None, None] for _ in range(2)
    )
    top, left = ((draws.uniform()[:, None, None] * (side - own + 1)).long() for own in (height, width))
    hole = (down >= top) & (down < top + height) & (across >= left) & (across < left + width)
    return _covered(films, hole, median, draws)


def reposition(films: Tensor, draws: Draws) -> Tensor:
    """Mirror, turn, shift, stretch, and come closer or step back; outside lies the film's edge, or black."""
    angle = draws.uniform(-ROTATION_DEGREES, ROTATION_DEGREES).deg2rad()
    seen = torch.where(draws.chance(0.5), draws.uniform(CLOSEST, 1), draws.uniform(1, WIDEST))
    stretch = draws.uniform(-STRETCH, STRETCH).exp()
    mirror = 1 - 2 * draws.chance(0.5).float()
    across, down = seen * stretch, seen / stretch
    shift = 2 * draws.uniform(-SHIFT, SHIFT, (2,))
    theta = torch.stack(
        [
            angle.cos() * across * mirror, -angle.sin() * down, shift[:, 0],
            angle.sin() * across * mirror, angle.cos() * down, shift[:, 1],
        ], 1
    ).view(-1, 2, 3)  # fmt: skip
    grid = F.affine_grid(theta, list(films.shape), align_corners=False)
    moved = F.grid_sample(films, grid, padding_mode="border", align_corners=False)
    black = (grid.abs().amax(3) > 1)[:, None] & draws.chance(0.4)[:, None, None, None]
    return moved.masked_fill(black, 0.0).clamp(0, 1)


def expose(films: Tensor, draws: Draws, others: Tensor) -> Tensor:
    """Change gray values: equalise, match those of another film, gamma, an uneven field, contrast, brightness."""
    kind, amount = draws.uniform(), draws.uniform(0.5, 1)
    equalised, matched = kind < EQUALISED_SHARE, kind < EQUALISED_SHARE + MATCHED_SHARE
    rows = matched.nonzero()[:, 0]
    if len(rows):
        ramp = torch.linspace(0, 1, films[0].numel(), device=films.device).view_as(films[0])
        wanted = torch.where(equalised[rows, None, None, None], ramp, others[rows])
        amount = torch.where(equalised, torch.ones_like(amount), amount)[rows, None, None, None]
        films = films.index_copy(0, rows, films[rows].lerp(with_gray_values(films[rows], wanted), amount))
    films = films.clamp_min(1e-4) ** draws.uniform(-GAMMA, GAMMA).exp()[:, None, None, None]
    knots = FIELD * draws.normal((1, 3, 3)) * draws.chance(FIELD_SHARE)[:, None, None, None]
    films = films * F.interpolate(knots, size=films.shape[2:], mode="bicubic", align_corners=True).exp()
    contrast = draws.uniform(-CONTRAST, CONTRAST).exp()[:, None, None, None]
    brightness = draws.uniform(-BRIGHTNESS, BRIGHTNESS)[:, None, None, None]
    return ((films - 0.5) * contrast + 0.5 + brightness).clamp(0, 1)


def with_gray_values(films: Tensor, values: Tensor) -> Tensor:
    """Films whose darkest pixel is as dark as the darkest of `values` (films of that shape), and so on up."""
    order = films.flatten(1).argsort(dim=1, stable=True)
    changed = torch.empty_like(films.flatten(1)).scatter_(1, order, values.flatten(1).sort(1).values)
    return changed.view_as(films)


def resharpen(films: Tensor, draws: Draws) -> Tensor:
    """Blur a share of the films, sharpen another, and give all some noise."""
    kind, amount = draws.uniform(), draws.uniform(0.2, 0.8)
    side = films.shape[-1]
    blurred = _blurred(films, side * draws.uniform(LEAST_BLUR, MOST_BLUR), most=side * MOST_BLUR)
    keep, take = kind < BLURRED_SHARE, kind < BLURRED_SHARE + SHARPENED_SHARE
    towards = torch.where(keep, torch.ones_like(amount), torch.where(take, -amount, torch.zeros_like(amount)))
    films = films.lerp(blurred, towards[:, None, None, None])
    noise = draws.uniform(0, NOISE)[:, None, None, None] * draws.normal(tuple(films.shape[1:]))
    return (films + noise).clamp(0, 1)


def compress(films: Tensor, draws: Draws) -> Tensor:
    """Send a share of the films through a coarse JPEG: its quantised waves, without writing a file."""
    chosen, quality = draws.chance(COMPRESSED_SHARE), draws.whole(WORST_QUALITY, BEST_QUALITY)
    rows = chosen.nonzero()[:, 0]
    if not len(rows):
        return films
    return films.index_copy(0, rows, jpeg(films[rows], quality[rows]))


def jpeg(films: Tensor, quality: Tensor) -> Tensor:
    """Films (n, 1, S, S) as they come back from a JPEG of `quality` (n,), 1 to 99; gray values are whole 255ths."""
    side = films.shape[-1]
    place = torch.arange(8, device=films.device, dtype=films.dtype)
    waves = torch.cos((2 * place[None, :] + 1) * place[:, None] * math.pi / 16) / 2
    waves[0] /= math.sqrt(2)
    quality = quality.to(films.dtype)[:, None, None]
    scale = torch.where(quality < 50, (5000 / quality).floor(), 200 - 2 * quality)
    steps = ((torch.tensor(_JPEG_STEPS, device=films.device) * scale + 50) / 100).floor().clamp(1, 255)
    steps = steps[:, None, None]  # (n, 1, 1, 8, 8), the same for all blocks
    levels = (films[:, 0] * 255).round() - 128
    blocks = levels.unflatten(2, (side // 8, 8)).unflatten(1, (side // 8, 8)).transpose(2, 3)
    kept = (waves @ blocks @ waves.T / steps).round() * steps
    restored = (waves.T @ kept @ waves + 128).round().clamp(0, 255) / 255
    return restored.transpose(2, 3).reshape(films.shape)


def _covered(films: Tensor, where: Tensor, median: Tensor, draws: Draws) -> Tensor:
    """Films with the pixels `where` (n, S, S) covered: by the film's median, black, a random gray, or noise."""
    kind, gray = draws.whole(0, 4)[:, None, None], draws.uniform()[:, None, None]
    level = torch.where(kind == 0, median[:, None, None], torch.where(kind == 1, torch.zeros_like(gray), gray))
    cover = level.expand(where.shape)
    noisy = ((kind == 3)[:, 0, 0] & where.flatten(1).any(1)).nonzero()[:, 0]
    if len(noisy):
        cover = cover.index_copy(0, noisy, draws.of(noisy).uniform(shape=tuple(where.shape[1:])))
    return torch.where(where[:, None], cover[:, None], films)


def _blurred(films: Tensor, radius: Tensor, most: float) -> Tensor:
    """Gaussian of each film's own standard deviation `radius` (n,) in pixels, none above `most`."""
    reach = min(max(1, math.ceil(2.5 * most)), films.shape[-1] - 1)
    offsets = torch.arange(-reach, reach + 1, dtype=films.dtype, device=films.device)
    weights = torch.exp(-(offsets**2) / (2 * radius[:, None] ** 2))
    weights = weights / weights.sum(1, keepdim=True)
    padded = F.pad(films, [reach] * 4, mode="reflect")
    side = films.shape[-1]
    blurred = torch.zeros_like(padded[:, :, :side])
    for k in range(2 * reach + 1):
        blurred = blurred + weights[:, k, None, None, None] * padded[:, :, k : k + side]
    rows, blurred = blurred, torch.zeros_like(films)
    for k in range(2 * reach + 1):
        blurred = blurred + weights[:, k, None, None, None] * rows[..., k : k + side]
    return blurred
