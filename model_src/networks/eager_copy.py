"""The kit's own networks around the weights of a loaded model, whatever it was loaded from."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from model_src.networks.coronet import CoroNet
from model_src.networks.fpae import FPAE
from model_src.networks.kinds import CINS, TFENS


def eager_copy(network: CoroNet) -> CoroNet | None:
    """An eager CoroNet that shares the weights of `network`; None where they are of other networks (names differ).

    In evaluation mode, parameters without gradients. For what must see inside: compilers, and explanations by layers.
    """
    with torch.device("meta"):  # neither memory nor initial values: the state dicts bring both
        tfens = [kind(FPAE(), FPAE()) for kind in TFENS.values()]
        cins = [kind() for kind in CINS.values()]
    tfen, cin = _fitting(tfens, network.tfen), _fitting(cins, network.cin)
    if tfen is None or cin is None:
        return None
    return CoroNet(tfen, cin).eval().requires_grad_(False)


def _fitting(kinds: Sequence[nn.Module], loaded: nn.Module) -> nn.Module | None:
    """The one of `kinds` whose weights have the names and shapes of those loaded, with these weights."""
    weights = loaded.state_dict()
    for network in kinds:
        own = network.state_dict()
        if {name: value.shape for name, value in own.items()} == {name: value.shape for name, value in weights.items()}:
            network.load_state_dict(weights, assign=True)
            return network
    return None
