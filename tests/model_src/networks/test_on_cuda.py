"""The networks on a GPU answer as on a CPU."""

from __future__ import annotations

import copy

import pytest
import torch

from model_src.networks.coronet import CoroNet


@pytest.mark.gpu
def test_a_gpu_gives_the_cpus_answers(random_chain: CoroNet) -> None:
    x = torch.rand(3, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    expected = random_chain.classify(x)
    on_gpu = copy.deepcopy(random_chain).cuda()
    with torch.backends.cudnn.flags(allow_tf32=False):
        found = on_gpu.classify(x.cuda())
    assert found.probabilities.device.type == "cuda"
    torch.testing.assert_close(found.probabilities.cpu(), expected.probabilities, atol=1e-4, rtol=0)
    torch.testing.assert_close(found.residual_means.cpu(), expected.residual_means, atol=1e-4, rtol=0)
