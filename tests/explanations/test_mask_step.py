"""The step of the descent: as it stands by hand, and what is recorded for a GPU, which here is only done again."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from explanations import mask_step
from explanations.fast_model import fast_model, record_steps
from explanations.mask import GRID, MaskUpsampler
from explanations.mask_problem import DELETION, PRESERVATION, MaskProblem
from explanations.mask_step import Judged, PlainStep, RecordedStep
from explanations.target_model import TargetModel
from model_src.classes import COVID


class _Again:
    """Stands for a CUDA graph: does the work again on each replay, and hands out the same tensors every time."""

    def __init__(self, work: Callable[[], Judged], device: torch.device) -> None:
        self._work = work
        self._result = work()

    def replay(self) -> Judged:
        for ours, new in zip(self._result, self._work(), strict=True):
            ours.copy_(new)
        return self._result


def _problem(case, direction: float, area: float = 0.1) -> MaskProblem:
    draw = MaskUpsampler(case.x.shape[-1], 2, case.x.device)
    model = TargetModel(case.network, [COVID, 0], case.x.device)
    return MaskProblem(model, case.x, torch.full_like(case.x, 0.2), draw, direction, area, tv=0.5, beta=3.0)


@pytest.fixture
def again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mask_step, "CudaGraph", _Again)


def test_a_step_moves_a_mask_against_its_gradient_by_the_step_size(patch_case):
    problem = _problem(patch_case, PRESERVATION, area=1.0)
    start = torch.full((2, GRID, GRID), 0.5)
    step = PlainStep(problem, start, lr=0.1)
    rows = torch.arange(2)
    judged = step(rows, (0, 0), 0)
    assert torch.equal(judged.masks, start)
    moved = step(rows, (0, 0), 1).masks
    # A corner of the mask, far from the patch: only the area counts there, so Adam's first step is lr down.
    torch.testing.assert_close(moved[:, 0, 0], torch.full((2,), 0.4), atol=1e-4, rtol=0)


@pytest.mark.parametrize("direction", [DELETION, PRESERVATION])
def test_what_is_recorded_takes_the_steps_of_the_plain_one(patch_case, again, direction):
    shifts = [(0, 0), (2, -1), (-2, 1), (1, 1)]
    start = torch.rand(2, GRID, GRID, generator=torch.Generator().manual_seed(3))
    recorded = RecordedStep(_problem(patch_case, -direction, area=0.7))
    for lr in (0.1, 0.05):  # another explanation begins where none was before
        problem = _problem(patch_case, direction)
        plain = PlainStep(problem, start, lr)
        recorded.begin(problem, start, lr)
        for number, shift in enumerate(shifts):
            rows = torch.arange(2) if number < 2 else torch.tensor([1])  # the first image is done
            for ours, theirs in zip(recorded(rows, shift, number), plain(rows, shift, number), strict=True):
                torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-5)


def test_an_image_whose_gradient_is_no_number_stays_where_it_is(patch_case):
    problem = _problem(patch_case, DELETION)
    problem.x = problem.x.clone()
    problem.x[0, 0, 20, 26] = float("nan")
    step = PlainStep(problem, torch.full((2, GRID, GRID), 0.5), lr=0.1)
    assert step(torch.arange(2), (0, 0), 0).finite.tolist() == [False, True]
    assert torch.equal(step(torch.arange(2), (0, 0), 1).masks[0], torch.full((GRID, GRID), 0.5))


def test_the_recorded_step_is_taken_by_one_caller_and_given_back_when_it_fails(patch_case, again, monkeypatch):
    problem = _problem(patch_case, DELETION)
    recorded = RecordedStep(problem)
    monkeypatch.setattr(mask_step, "_recorded", lambda of: recorded if recorded.lock.acquire(blocking=False) else None)
    start = torch.zeros(2, GRID, GRID)

    def breaks() -> None:
        with mask_step.mask_step(problem, start, 0.1) as first:
            assert first is recorded
            with mask_step.mask_step(problem, start, 0.1) as second:
                assert isinstance(second, PlainStep)
            raise RuntimeError("broke")

    with pytest.raises(RuntimeError, match="broke"):
        breaks()
    assert recorded.lock.acquire(blocking=False)


def test_a_recording_is_used_only_if_it_says_what_the_plain_step_says(patch_case, again, monkeypatch, caplog):
    problem = _problem(patch_case, DELETION)
    assert isinstance(mask_step._checked(problem), RecordedStep)
    assert caplog.text == ""

    def off(self: RecordedStep, rows: torch.Tensor, shift: tuple[int, int], number: int) -> Judged:
        return Judged(self._mask, torch.full((2,), 9.0), torch.ones(2, dtype=torch.bool))

    monkeypatch.setattr(RecordedStep, "__call__", off)
    assert mask_step._checked(problem) is None
    assert "a step cannot be recorded (its objective is off by " in caplog.text


def test_where_nothing_can_be_recorded_the_log_says_why(patch_case, monkeypatch, caplog):
    def fails(work: Callable[[], Judged], device: torch.device) -> None:
        raise RuntimeError("operation not permitted when stream is capturing")

    monkeypatch.setattr(mask_step, "CudaGraph", fails)
    assert mask_step._checked(_problem(patch_case, DELETION)) is None
    assert "slower than they could be: a step cannot be recorded (operation not permitted" in caplog.text


def test_a_cpu_has_the_plain_step(random_chain):
    x = torch.rand(1, 1, 32, 32)
    record_steps(random_chain)
    fast = TargetModel(fast_model(random_chain), [0], x.device)
    problem = MaskProblem(fast, x, 1 - x, MaskUpsampler(32, 0, x.device), DELETION, 0.1, 0.5, 3.0)
    with mask_step.mask_step(problem, torch.zeros(1, GRID, GRID), 0.1) as step:
        assert isinstance(step, PlainStep)


@pytest.mark.gpu
def test_a_gpu_records_the_step_and_says_the_same(random_chain):
    network = random_chain.to("cuda")
    record_steps(network)
    try:
        x = torch.rand(2, 1, 64, 64, generator=torch.Generator().manual_seed(0)).cuda()
        fast = TargetModel(fast_model(network), [0, 1], x.device)
        problem = MaskProblem(fast, x, 1 - x, MaskUpsampler(64, 1, x.device), DELETION, 0.1, 0.5, 3.0)
        start = torch.full((2, GRID, GRID), 0.5, device="cuda")
        plain, rows = PlainStep(problem, start, 0.1), torch.arange(2).cuda()
        with mask_step.mask_step(problem, start, 0.1) as step:
            assert isinstance(step, RecordedStep)
            for number in range(3):
                ours, theirs = step(rows, (1, -1), number), plain(rows, (1, -1), number)
                torch.testing.assert_close(ours.objective, theirs.objective, atol=5e-3, rtol=0)
    finally:
        network.to("cpu")
