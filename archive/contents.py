"""What coronet.mar is made of, named without importing any of it."""

from __future__ import annotations

# Our packages that run in a TorchServe worker, top first: all that the handler imports, and nothing else of ours.
SERVED_PACKAGES = ("handlers", "outputs", "inference", "explanations", "model_src")
