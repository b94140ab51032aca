"""What runs the chain for predictions: one small seam, chosen when a worker loads its model.

An engine answers `classify(x)` for `x` (N, 1, S, S) float32 in [0, 1] on the CPU with
`model_src.networks.coronet.Classified`.
Explanations need gradients and always run the TorchScript artefacts themselves.
"""

from model_src.engines.choose import open_engine
from model_src.engines.engine import Engine

__all__ = ["Engine", "open_engine"]
