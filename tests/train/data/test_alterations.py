"""Alterations that another hospital's films might show, on films whose answer can be worked out."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter
from torch import Tensor

from model_src.classes import COVID
from phantoms.generate import make_phantom
from train.data import alterations
from train.data.alterations import (
    as_from_another_hospital,
    compress,
    erase_edges,
    expose,
    jpeg,
    reposition,
    resharpen,
    take_over,
    with_gray_values,
    with_texture,
)
from train.data.draws import Draws

Alteration = Callable[[Tensor, Draws], Tensor]
SHARES = (
    "BORDER_SHARE", "CORNER_SHARE", "HOLE_SHARE", "EQUALISED_SHARE", "MATCHED_SHARE", "FIELD_SHARE", "BLURRED_SHARE",
    "SHARPENED_SHARE", "COMPRESSED_SHARE", "TEXTURE_SHARE", "EDGES_SHARE",
)  # fmt: skip
AMOUNTS = ("ROTATION_DEGREES", "STRETCH", "SHIFT", "GAMMA", "CONTRAST", "BRIGHTNESS", "NOISE")


def draws(films: int) -> Draws:
    """Streams of films of their own."""
    return Draws(torch.arange(films), torch.ones(films, dtype=torch.int64), seed=0, purpose=1)


def noisy(films: int, side: int = 48) -> Tensor:
    """Films of noise between 0.25 and 0.75, which hides nothing."""
    return torch.rand(films, 1, side, side, generator=torch.Generator().manual_seed(0)) * 0.5 + 0.25


def flat(films: int, gray: float, side: int = 32) -> Tensor:
    return torch.full((films, 1, side, side), gray)


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Switch all alterations off but those named, and set those: `alone(BORDER_SHARE=1.0)`."""

    def switch(**on: float) -> None:
        for name in (*SHARES, *AMOUNTS):
            monkeypatch.setattr(alterations, name, 0.0)
        for name in ("CLOSEST", "WIDEST"):
            monkeypatch.setattr(alterations, name, 1.0)
        for name, value in on.items():
            monkeypatch.setattr(alterations, name, value)

    return switch


ALTERATIONS: dict[str, Alteration] = {
    "take_over": lambda films, own: take_over(films, own, noisy(*films.shape[::2]) ** 2),
    "erase_edges": erase_edges,
    "reposition": reposition,
    "expose": lambda films, own: expose(films, own, noisy(*films.shape[::2]) ** 2),
    "resharpen": resharpen,
    "compress": compress,
    "all": lambda films, own: as_from_another_hospital(films, own, noisy(*films.shape[::2]) ** 2),
}


@pytest.mark.parametrize("name", ALTERATIONS)
@pytest.mark.parametrize("side", [8, 48])
def test_an_alteration_keeps_shape_and_range_and_leaves_its_films_alone(name: str, side: int) -> None:
    films = noisy(60, side)
    before = films.clone()
    altered = ALTERATIONS[name](films, draws(60))
    assert altered.shape == films.shape
    assert altered.dtype == torch.float32
    assert 0 <= altered.min() <= altered.max() <= 1
    assert not torch.equal(altered, films)
    assert torch.equal(films, before)


@pytest.mark.parametrize("name", ALTERATIONS)
def test_what_happens_to_a_film_is_its_own_affair(name: str) -> None:
    films, rows = noisy(60), torch.tensor([41, 3])
    others = {"take_over": take_over, "expose": expose, "all": as_from_another_hospital}
    if name in others:
        grays = noisy(60).flip(0) ** 2
        together = others[name](films, draws(60), grays)
        apart = others[name](films[rows], draws(60).of(rows), grays[rows])
    else:
        together = ALTERATIONS[name](films, draws(60))
        apart = ALTERATIONS[name](films[rows], draws(60).of(rows))
    assert torch.allclose(together[rows], apart, atol=1e-5)


def test_nothing_switched_on_changes_nothing(alone: Callable[..., None]) -> None:
    alone()
    films = noisy(20)
    altered = as_from_another_hospital(films, draws(20), films.flip(0))
    # A film may still be mirrored.
    for film, changed in zip(films, altered, strict=True):
        assert min((changed - film).abs().max(), (changed - film.flip(2)).abs().max()) < 1e-5


def test_borders_of_less_than_a_seventh_are_covered(alone: Callable[..., None]) -> None:
    alone(BORDER_SHARE=1.0)
    films = noisy(400, 100)
    changed = (erase_edges(films, draws(400)) != films)[:, 0]
    assert not changed[:, 13:-13, 13:-13].any()
    assert changed[:, 12].any()
    for edge in range(4):  # each of a film's four with 3 chances in 4; 4 deviations
        outermost = changed.rot90(edge, (1, 2))[:, 0, 50]
        assert float(outermost.float().mean()) == pytest.approx(0.75, abs=0.09)


def test_corners_of_less_than_a_quarter_are_covered(alone: Callable[..., None]) -> None:
    alone(CORNER_SHARE=1.0)
    films = noisy(400, 96)
    changed = (erase_edges(films, draws(400)) != films)[:, 0]
    assert not changed[:, 23:-23].any()
    assert not changed[:, :, 23:-23].any()
    for edge in range(4):  # 3 chances in 5
        assert float(changed.rot90(edge, (1, 2))[:, 0, 0].float().mean()) == pytest.approx(0.6, abs=0.1)


def test_a_hole_is_one_rectangle_of_a_tenth_to_a_third(alone: Callable[..., None]) -> None:
    alone(HOLE_SHARE=1.0)
    films = noisy(100, 100)
    changed = (erase_edges(films, draws(100)) != films)[:, 0]
    heights, widths = changed.any(2).sum(1), changed.any(1).sum(1)
    assert (changed.sum((1, 2)) == heights * widths).all()
    for extent in (heights, widths):
        assert 10 <= extent.min() < 13 < 29 < extent.max() <= 32


def test_a_cover_is_the_median_or_black_or_gray_or_noise(alone: Callable[..., None]) -> None:
    alone(HOLE_SHARE=1.0)
    films = noisy(400, 40)
    altered = erase_edges(films, draws(400))
    covers = [new[new != old] for new, old in zip(altered, films, strict=True)]
    kinds = {
        "noise": sum(len(cover.unique()) > 1 for cover in covers),
        "black": sum(not cover.any() for cover in covers),
        "median": sum(bool((cover == film.median()).all()) for cover, film in zip(covers, films, strict=True)),
    }
    kinds["gray"] = 400 - sum(kinds.values())
    assert kinds == pytest.approx(dict.fromkeys(kinds, 100), abs=35)  # 4 deviations


def test_half_of_the_films_are_mirrored(alone: Callable[..., None]) -> None:
    alone()
    films = noisy(400, 16)
    altered = reposition(films, draws(400))
    as_before = (altered - films).abs().amax((1, 2, 3)) < 1e-5
    mirrored = (altered - films.flip(3)).abs().amax((1, 2, 3)) < 1e-5
    assert torch.equal(as_before, ~mirrored)
    assert int(mirrored.sum()) == pytest.approx(200, abs=40)


def test_beyond_the_film_lies_its_edge_or_black(alone: Callable[..., None]) -> None:
    alone(WIDEST=2.0)
    altered = reposition(flat(1000, 0.5), draws(1000)).flatten(1)
    black = altered == 0
    assert (black | ((altered - 0.5).abs() < 1e-5)).all()
    # Half of the films step back, 2 in 5 of these show black: 200, but for those that step back by less than a pixel.
    assert int(black.any(1).sum()) == pytest.approx(194, abs=50)
    assert black.float().mean(1).max() < 0.76  # from twice as far, a film fills a quarter


def test_turned_and_shifted_by_what_is_said(alone: Callable[..., None]) -> None:
    # A bright square off the middle of a film of 64 pixels: its distance to the middle stays, its angle turns.
    film = torch.zeros(1, 1, 64, 64)
    film[:, :, 30:34, 50:54] = 1
    down, across = torch.meshgrid(torch.arange(64) - 31.5, torch.arange(64) - 31.5, indexing="ij")

    def middles(altered: Tensor) -> Tensor:
        weight = altered[:, 0] / altered[:, 0].sum((1, 2), keepdim=True)
        return torch.stack([(weight * down).sum((1, 2)), (weight * across).sum((1, 2))], 1)

    alone(ROTATION_DEGREES=12.0)
    turned = middles(reposition(film.expand(300, -1, -1, -1), draws(300)))
    assert turned.norm(dim=1).tolist() == pytest.approx([20] * 300, abs=0.2)
    angles = torch.atan2(turned[:, 0], turned[:, 1].abs()).rad2deg()
    assert -12.3 < angles.min() < -11
    assert 11 < angles.max() < 12.3
    alone(SHIFT=0.05)
    shifted = middles(reposition(film.expand(300, -1, -1, -1), draws(300)))
    away = torch.minimum((shifted[:, 1] - 20).abs(), (shifted[:, 1] + 20).abs())
    assert 3.0 < shifted[:, 0].abs().max() < 3.3  # 0.05 of 64 pixels
    assert 3.0 < away.max() < 3.3


def test_gray_values_of_another_film_keep_the_order_of_pixels() -> None:
    films = torch.tensor([[0.1, 0.4], [0.3, 0.2]]).view(1, 1, 2, 2).repeat(2, 1, 1, 1)
    others = torch.tensor([[[[1.0, 0.0], [0.5, 0.25]]], [[[0.0, 0.1], [0.2, 0.3]]]])
    assert with_gray_values(films, others).flatten(1).tolist() == [
        pytest.approx([0.0, 1.0, 0.5, 0.25]), pytest.approx([0.0, 0.3, 0.2, 0.1]),
    ]  # fmt: skip


def test_an_equalised_film_has_all_grays_alike(alone: Callable[..., None]) -> None:
    alone(EQUALISED_SHARE=1.0)
    films = noisy(2, 16) ** 3
    altered = expose(films, draws(2), films).flatten(1)
    assert altered.sort(1).values[0].tolist() == pytest.approx(np.linspace(0, 1, 256).tolist(), abs=2e-4)
    assert torch.equal(altered.argsort(1), films.flatten(1).argsort(1))


def test_a_matched_film_goes_half_of_the_way_or_more(alone: Callable[..., None]) -> None:
    alone(MATCHED_SHARE=1.0)
    altered = expose(flat(200, 0.2), draws(200), flat(200, 0.8))[:, 0, 0, 0]
    assert 0.5 <= altered.min() < 0.52 < 0.78 < altered.max() <= 0.8


def test_exposure_moves_grays_as_far_as_is_said(alone: Callable[..., None]) -> None:
    def ends(gray: float, **on: float) -> tuple[float, float]:
        alone(**on)
        altered = expose(flat(500, gray, 8), draws(500), flat(500, gray, 8))[:, 0, 0, 0]
        return float(altered.min()), float(altered.max())

    factor = np.exp(0.3)
    assert ends(0.5, GAMMA=0.3) == pytest.approx((0.5**factor, 0.5 ** (1 / factor)), abs=0.005)
    assert ends(0.75, CONTRAST=0.3) == pytest.approx((0.5 + 0.25 / factor, 0.5 + 0.25 * factor), abs=0.005)
    assert ends(0.5, BRIGHTNESS=0.1) == pytest.approx((0.4, 0.6), abs=0.005)


def test_an_uneven_field_is_smooth_and_as_strong_as_is_said(alone: Callable[..., None]) -> None:
    alone(FIELD_SHARE=1.0)
    fields = (expose(flat(500, 0.1), draws(500), flat(500, 0.1)) / 0.1).log()[:, 0]
    for corner in (fields[:, 0, 0], fields[:, -1, -1]):  # a knot of the field: normal, of deviation FIELD
        assert float(corner.std()) == pytest.approx(alterations.FIELD, rel=0.15)
    assert fields.diff(dim=1).abs().max() < 0.2


def test_blur_is_gaussian(alone: Callable[..., None]) -> None:
    alone(BLURRED_SHARE=1.0, LEAST_BLUR=0.02, MOST_BLUR=0.02)
    films = noisy(2, 96)
    altered = resharpen(films, draws(2))
    for film, blurred in zip(films[:, 0], altered[:, 0], strict=True):
        expected = gaussian_filter(film.numpy(), 1.92, mode="mirror", radius=5)
        assert np.abs(blurred.numpy() - expected).max() < 1e-5


def test_sharpening_is_the_opposite_of_blurring(alone: Callable[..., None]) -> None:
    films = noisy(40, 96)
    alone(BLURRED_SHARE=1.0, LEAST_BLUR=0.008, MOST_BLUR=0.008)
    blurred = resharpen(films, draws(40))
    alone(SHARPENED_SHARE=1.0, LEAST_BLUR=0.008, MOST_BLUR=0.008)
    sharpened = resharpen(films, draws(40))
    inside = (sharpened > 0) & (sharpened < 1)
    for film, soft, sharp, here in zip(films, blurred, sharpened, inside, strict=True):
        by = ((film - sharp) * (soft - film))[here].sum() / (soft - film)[here].square().sum()
        assert 0.2 <= by <= 0.8
        assert torch.allclose((film - by * (soft - film))[here], sharp[here], atol=1e-4)


def test_noise_is_as_strong_as_is_said(alone: Callable[..., None]) -> None:
    alone(NOISE=0.1)
    deviations = resharpen(flat(200, 0.5, 64), draws(200)).flatten(1).std(1)
    assert 0 <= deviations.min() < 0.005
    assert 0.095 < deviations.max() < 0.105


@pytest.mark.parametrize("quality", [20, 28, 46, 50, 70])
def test_jpeg_is_that_of_pillow(quality: int) -> None:
    film = make_phantom(COVID, seed=1, size=64).image
    grain = np.random.default_rng(0).normal(0, 6, film.shape)
    film = (film + grain).clip(0, 255).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(film).save(stream, "JPEG", quality=quality)
    theirs = np.asarray(Image.open(stream), dtype=np.float64)
    films = torch.from_numpy(film).float().div(255)[None, None].repeat(2, 1, 1, 1)
    ours = jpeg(films, torch.tensor([quality, 50]))[0, 0].numpy().astype(np.float64) * 255
    lost = np.abs(theirs - film).mean()
    assert np.abs(ours - theirs).mean() < 0.3  # gray levels: its DCT is in whole numbers; of the next quality, 0.5 to 3
    assert np.abs(ours - film).mean() == pytest.approx(lost, rel=0.02)


def test_a_share_of_the_films_is_compressed(alone: Callable[..., None]) -> None:
    films = noisy(400, 16)
    alone(COMPRESSED_SHARE=0.25)
    changed = (compress(films, draws(400)) != films).flatten(1).any(1)
    assert int(changed.sum()) == pytest.approx(100, abs=35)
    alone()
    assert torch.equal(compress(films, draws(400)), films)


def test_a_film_takes_over_how_much_of_each_frequency_another_has() -> None:
    smooth = torch.from_numpy(gaussian_filter(noisy(2).numpy(), (0, 0, 1, 1)))
    films, rough = (smooth - 0.5) * 0.5 + 0.5, noisy(2).flip(0)
    sharper = with_texture(films, rough, torch.tensor([1.0, 0.0]))

    def fine(film: Tensor) -> float:
        return float((film[:, 1:] - film[:, :-1]).square().mean())

    assert fine(sharper[0, 0]) > 1.5 * fine(films[0, 0])
    torch.testing.assert_close(sharper[1], films[1], atol=1e-5, rtol=0)
    # Where things are stays: the large shapes are those of the film, not of the other.
    torch.testing.assert_close(sharper[0].mean(), films[0].mean(), atol=0.01, rtol=0)


def test_a_film_takes_over_the_edges_of_another_and_keeps_its_middle(alone: Callable[..., None]) -> None:
    alone(EDGES_SHARE=1.0)
    altered = take_over(flat(8, 0.3), draws(8), flat(8, 0.9))
    torch.testing.assert_close(altered[:, :, 12:20, 12:20], flat(8, 0.3)[:, :, 12:20, 12:20], atol=1e-3, rtol=0)
    assert (altered[:, :, 0, 0] > 0.8).all()
