"""What else a TFEN could show: maps worked out by hand, autoencoders that restore, and the table on a tiny folder."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from benchmarks import residual_ideas
from benchmarks.outside_lists import half_of
from benchmarks.residual_maps import (
    BottleneckFPAE,
    Enlarged,
    Shown,
    autoencoders,
    several_scales,
    smoothed,
    standardised,
    with_holes,
    with_noise,
    with_sign,
)
from model_src.networks.fpae import FPAE
from model_src.networks.tfen import TFEN
from train.data.classifier_inputs import ClassifierInputs
from train.data.compiled_tfen import CompiledTFEN
from train.data.examples import Example
from train.device import Compute
from train.runs.run_folder import RunFolder

FLOAT32 = Compute(torch.device("cpu"), bfloat16=False)


def point(value: float, side: int = 16) -> Tensor:
    """A map that is 0 but for one pixel in the middle."""
    found = torch.zeros(1, 1, side, side)
    found[0, 0, side // 2, side // 2] = value
    return found


class Grays(nn.Module):
    """In place of a TFEN: the first autoencoder draws everything black, the second everything at 0.25."""

    def reconstruct(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return torch.zeros_like(x), torch.full_like(x, 0.25)


class FlatFilms:
    """In place of an image cache: six flat films, two of each class, of gray number / 10 at 32 pixels."""

    image_size = 32

    def __init__(self) -> None:
        self.examples = [Example(Path(f"{number}.png"), number % 3, str(number), "") for number in range(6)]

    def __len__(self) -> int:
        return 6

    def tensor(self, indices: np.ndarray) -> Tensor:
        return torch.from_numpy(indices / 10).float()[:, None, None, None].expand(-1, 1, 32, 32).clone()


def flat_inputs() -> ClassifierInputs:
    return ClassifierInputs(FlatFilms(), "none", 0, FLOAT32)  # type: ignore[arg-type]


def test_a_network_is_shown_what_the_maps_make_of_film_and_differences() -> None:
    x = torch.full((2, 1, 8, 8), 0.2)
    shown = Shown(Grays(), with_sign)(x)  # type: ignore[arg-type]
    assert shown[:, :, 3, 3].tolist() == [pytest.approx([0.2, -0.05, 0.15])] * 2


def test_smoothing_spreads_a_point_over_a_square_and_cancels_opposite_signs() -> None:
    h = point(9.0) - point(9.0).roll(1, 3)  # beside each other, +9 and -9
    maps = smoothed(3)(h, h, point(0.9))
    assert float(maps[0, 0].max()) == pytest.approx(1.0)  # at both ends, where one of the two is out of reach
    assert float(maps[0, 0, 8, 8]) == pytest.approx(0.0)
    assert int((maps[0, 1] > 1e-6).sum()) == 9
    assert float(maps[0, 1, 7, 9]) == pytest.approx(0.1)
    assert maps.min() >= 0


def test_a_flat_residual_stays_at_the_edge_of_the_film() -> None:
    ones = torch.ones(1, 1, 16, 16)
    assert torch.allclose(smoothed(9)(ones, ones, -2 * ones), torch.tensor([1.0, 2.0, 1.0])[None, :, None, None])


def test_several_scales_are_one_pixel_five_and_thirteen() -> None:
    maps = several_scales(point(0.0), point(100.0), point(69.0))[0]
    assert maps[:, 8, 8].tolist() == pytest.approx([169.0, 169 / 25, 1.0])
    assert [int((own > 1e-6).sum()) for own in maps] == [1, 25, 169]


def test_standardised_residuals_are_in_units_of_the_usual_error_of_the_own_class() -> None:
    # Healthy films are 0 and 3, of grays 0 and 0.3: errors of the first autoencoder 0 and 0.3, mean 0.15, deviation
    # 0.2121. Pneumonia: 1 and 4, grays 0.1 and 0.4: errors of the second 0.15 and 0.15, mean 0.15, deviation 0.
    maps = standardised(Grays(), flat_inputs())  # type: ignore[arg-type]
    h, p = torch.full((1, 1, 32, 32), 0.3621), torch.full((1, 1, 32, 32), -0.151)
    first, second, third = maps(h, h, p)[0, :, 5, 5].tolist()
    assert first == pytest.approx(0.2121 / 0.2131, abs=1e-3)
    assert second == pytest.approx(1.0, abs=1e-3)  # the deviation counts as 0.001 at least
    assert third == pytest.approx(first - second, abs=1e-4)
    far = maps(h, 100 * h, 0 * p)[0, :, 5, 5].tolist()
    assert far == pytest.approx([10, -5, 10])


def test_an_enlarged_film_is_three_of_it_at_twice_the_side() -> None:
    film = torch.linspace(0, 1, 8)[None, None, None, :].expand(1, 1, 8, 8)
    shown = Enlarged(2)(film)
    assert shown.shape == (1, 3, 16, 16)
    assert torch.equal(shown[:, 0], shown[:, 2])
    assert torch.allclose(nn.functional.avg_pool2d(shown[:, :1], 2)[..., 1:-1], film[..., 1:-1], atol=1e-6)


def test_holes_are_blocks_at_the_films_mean_and_a_quarter_of_it() -> None:
    torch.manual_seed(0)
    films = torch.rand(40, 1, 64, 64)
    spoilt = with_holes(films)
    covered = (spoilt != films).float()
    blocks = nn.functional.avg_pool2d(covered, 16)
    assert set(blocks.unique().tolist()) == {0.0, 1.0}
    assert float(blocks.mean()) == pytest.approx(0.25, abs=0.07)  # 640 blocks; 4 deviations
    assert torch.allclose(spoilt[0][covered[0] > 0], films[0].mean())


def test_noise_is_coarse() -> None:
    torch.manual_seed(0)
    noise = with_noise(torch.full((20, 1, 64, 64), 0.5)) - 0.5
    assert 0.05 < float(noise.std()) < 0.2
    assert float(noise.diff(dim=3).std()) < 0.5 * float(noise.std())


def test_nothing_passes_beside_the_bottleneck() -> None:
    torch.manual_seed(0)
    plain, narrow = FPAE().eval(), BottleneckFPAE().eval()
    narrow.load_state_dict(plain.state_dict())
    # Another film of the same code, put in its place: the FPAE's reconstruction still follows the film.
    film, other = torch.rand(2, 1, 1, 32, 32)
    code = narrow.latent(film)
    narrow.latent = plain.latent = lambda x: code  # type: ignore[method-assign, assignment]
    assert torch.equal(narrow(film)[0], narrow(other)[0])
    assert narrow(film)[0].shape == film.shape
    assert not torch.equal(plain(film)[0], plain(other)[0])


def test_bottlenecks_are_compiled_as_a_cpu_trains_with_them() -> None:
    pytest.importorskip("openvino")
    torch.manual_seed(0)
    tfen, film = Shown(TFEN(BottleneckFPAE(), BottleneckFPAE()), with_sign).eval(), torch.rand(1, 1, 32, 32)
    with torch.no_grad():
        assert torch.allclose(CompiledTFEN(tfen, 32, bfloat16=False)(film), tfen(film), atol=1e-5)


def test_autoencoders_learn_to_restore_the_films_of_their_class() -> None:
    tfen = autoencoders(FPAE, lambda films: films, flat_inputs(), epochs=20)
    assert not any(parameter.requires_grad for parameter in tfen.parameters())
    healthy = torch.full((1, 1, 32, 32), 0.3)
    torch.manual_seed(0)
    untrained = FPAE().eval()
    with torch.no_grad():
        off, off_untrained = (
            (part - healthy).abs().mean() for part in (tfen.reconstruct(healthy)[0], untrained(healthy)[0])
        )
    assert off < 0.5 * off_untrained


@pytest.fixture
def ask(
    data_dir: Path, autoencoder_run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., list[dict]]:
    """Run the command with some rows; its table."""
    out = tmp_path / "ideas.json"
    options = ["--tfen", f"tuned={autoencoder_run.path}", "--cache-dir", str(tmp_path / "cache"), "--out", str(out)]
    options += ["--image-size", "32", "--epochs", "1", "--films-per-epoch", "12", "--device", "cpu"]

    def rows(*names: str) -> list[dict]:
        monkeypatch.setattr(sys, "argv", ["residual_ideas", str(data_dir), *options, "--rows", *names])
        residual_ideas.main()
        return json.loads(out.read_text()) if out.exists() else []

    return rows


def test_a_row_has_its_figures_and_is_not_trained_again(
    ask: Callable[..., list[dict]], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["film", "residuals standardised by place"]
    table = ask(*names)
    assert [row["name"] for row in table] == names
    outside = sum(half_of(f"other/tb-{number}.png") == "development" for number in range(20))
    for row in table:
        assert sum(row["outside"]["tuberculosis"]) == outside
        assert row["validation"]["sensitivity"]["COVID-19"]["total"] == 1
        assert 0 <= row["rsna_opacity_area"] <= 1
        assert 0 <= row["covid_against_tuberculosis_area"] <= 1
    assert capsys.readouterr().out.count("balanced") == 2
    monkeypatch.setattr(residual_ideas, "train_row", lambda *_, **__: pytest.fail("trained again"))
    assert ask(*names) == table


def test_a_row_without_its_run_is_left_out(ask: Callable[..., list[dict]], capsys: pytest.CaptureFixture[str]) -> None:
    assert ask("residuals, recipe paper") == []
    assert "residuals, recipe paper: left out, needs --tfen paper=RUN_DIR" in capsys.readouterr().out
