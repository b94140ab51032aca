"""The ResNet-18 written out is torchvision's: names, start weights and answers; and a worker imports no torchvision."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torchvision.models import resnet18
from torchvision.ops import StochasticDepth as Theirs

from model_src.networks.cin import CIN
from model_src.networks.resnet import StochasticDepth

ROOT = Path(__file__).parents[3]


def test_same_seed_same_weights_same_answer() -> None:
    torch.manual_seed(3)
    theirs = resnet18(num_classes=3)
    torch.manual_seed(3)
    ours = CIN()
    own = {name: value for name, value in ours.state_dict().items() if not name.startswith("residual_")}
    assert list(own) == list(theirs.state_dict())
    assert all(torch.equal(value, own[name]) for name, value in theirs.state_dict().items())
    x = torch.rand(2, 3, 48, 40)
    for mode in (False, True):
        torch.testing.assert_close(ours.train(mode)(x), theirs.train(mode)(x))


@pytest.mark.parametrize("skipped", [0.0, 0.3])
def test_blocks_are_left_out_as_torchvision_does(skipped: float) -> None:
    x = torch.rand(50, 2, 3, 3)
    torch.manual_seed(1)
    expected = Theirs(skipped, "row")(x)
    torch.manual_seed(1)
    assert torch.equal(StochasticDepth(skipped)(x), expected)
    assert torch.equal(StochasticDepth(skipped).eval()(x), x)
    left_out = int((expected.flatten(1).sum(1) == 0).sum())
    assert (left_out > 0) == (skipped > 0)


@pytest.mark.parametrize(
    "done",
    [
        "import handlers.coronet_handler",
        # What explanations do first: normal_() on that device would import sympy, Dynamo, Inductor and Triton.
        "from torch import nn\nfrom model_src.networks.coronet import CoroNet\n"
        "from model_src.networks.eager_copy import eager_copy\n"
        "assert eager_copy(CoroNet(nn.Identity(), nn.Identity())) is None",
    ],
)
def test_a_worker_imports_neither_torchvision_nor_a_compiler(done: str) -> None:
    code = f"import sys\n{done}\nprint({{'torchvision', 'torch._dynamo', 'sympy'}} & set(sys.modules))"
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert said == "set()\n"
