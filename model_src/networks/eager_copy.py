"""The kit's own networks around the weights of a loaded model, whatever it was loaded from."""

from __future__ import annotations

import torch

from model_src.networks.cin import CIN
from model_src.networks.coronet import CoroNet
from model_src.networks.fpae import FPAE
from model_src.networks.tfen import TFEN


def eager_copy(network: CoroNet) -> CoroNet | None:
    """An eager CoroNet that shares the weights of `network`; None where they are of other networks (names differ).

    In evaluation mode, parameters without gradients. For what must see inside: compilers, and explanations by layers.
    """
    with torch.device("meta"):  # neither memory nor initial values: the state dicts bring both
        tfen, cin = TFEN(FPAE(), FPAE()), CIN()
    try:
        tfen.load_state_dict(network.tfen.state_dict(), assign=True)
        cin.load_state_dict(network.cin.state_dict(), assign=True)
    except RuntimeError:
        return None
    return CoroNet(tfen, cin).eval().requires_grad_(False)
