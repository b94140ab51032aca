"""The mask of a descent is the mean of masks whose objective was seen, not of those that came after."""

from __future__ import annotations

import pytest
import torch

from explanations.mask import GRID, MaskUpsampler
from explanations.mask_descent import WINDOW, descend
from explanations.mask_problem import DELETION, MaskProblem
from explanations.target_model import TargetModel
from model_src.classes import COVID


@pytest.fixture
def problem(patch_case):
    x = patch_case.x[:1]
    draw = MaskUpsampler(x.shape[-1], 0, x.device)
    model = TargetModel(patch_case.network, [COVID], x.device)
    return MaskProblem(model, x, torch.full_like(x, 0.2), draw, DELETION, area=0.1, tv=0.5, beta=3.0)


def _descend(problem, steps):
    start = torch.full((1, GRID, GRID), 0.7)
    return start, descend(problem, start, steps, 0.1, torch.Generator().manual_seed(0), None)


def test_after_one_step_only_the_start_has_been_judged(problem):
    start, found = _descend(problem, 1)
    assert found.steps == [1]
    assert torch.equal(found.mask, start)


def test_the_answer_is_the_mean_of_the_masks_around_the_lowest_objective(problem, monkeypatch):
    judged = []
    terms = MaskProblem.terms

    def watched(self, mask, shift):
        found = terms(self, mask, shift)
        judged.append((mask.detach().clone(), float(sum(found).detach())))
        return found

    monkeypatch.setattr(MaskProblem, "terms", watched)
    _, found = _descend(problem, 14)
    means = [
        sum(value for _, value in judged[max(0, end - WINDOW) : end]) / min(WINDOW, end)
        for end in range(1, len(judged) + 1)
    ]
    best = means.index(min(means)) + 1
    masks = torch.cat([mask for mask, _ in judged[max(0, best - WINDOW) : best]])
    torch.testing.assert_close(found.mask[0], masks.mean(dim=0))
