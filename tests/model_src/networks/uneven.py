"""Chains with random weights and batch norms that do something: fresh ones, of scale 1 and shift 0, hide mistakes."""

from __future__ import annotations

import torch
from torch import nn

from model_src.networks.coronet import CoroNet
from model_src.networks.fpae import FPAE
from model_src.networks.kinds import AnyCIN
from model_src.networks.tfen import TFEN


def uneven_chain(tfen: type[TFEN], cin: type[AnyCIN]) -> CoroNet:
    """An eager chain in evaluation mode; the same every time."""
    with torch.random.fork_rng():
        torch.manual_seed(5)
        chain = CoroNet(tfen(FPAE(), FPAE()), cin())
        for module in chain.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.weight.data.uniform_(-1.5, 1.5)
                module.bias.data.uniform_(-0.5, 0.5)
                module.running_mean.uniform_(-0.5, 0.5)  # type: ignore[union-attr]
                module.running_var.uniform_(0.5, 2.0)  # type: ignore[union-attr]
        chain.cin.residual_mean.uniform_(0, 0.2)  # type: ignore[operator]
        chain.cin.residual_std.uniform_(0.1, 0.3)  # type: ignore[operator]
    return chain.eval().requires_grad_(False)
