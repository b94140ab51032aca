"""Run by test_fused_chain.py in a process of its own: Triton's interpreter has to be asked for before it is imported.

Prints a line per trial: what it is of, and how far the fused chain is from the eager one.
"""

from __future__ import annotations

import sys

import torch

from model_src.engines.fused_chain import FusedChain
from model_src.networks.kinds import CINS, TFENS
from tests.model_src.networks.uneven import uneven_chain

CPU = torch.device("cpu")


def main(kind: str, precision: str) -> None:
    """A chain with that TFEN; the classifier is the paper's."""
    chain = uneven_chain(TFENS[kind], CINS["resnet18"])  # type: ignore[index]
    x = torch.rand(2, 1, 16, 16, generator=torch.Generator().manual_seed(1))
    fused = FusedChain(chain, CPU, {"float32": torch.float32, "float16": torch.float16}[precision])
    drawn: list[torch.Tensor] = []
    tfen = fused.tfen

    def watched(x: torch.Tensor, mean: torch.Tensor, std: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        residuals, shown = tfen(x, mean, std)
        drawn.append(residuals)
        return residuals, shown

    fused.tfen = watched  # type: ignore[assignment]
    with torch.inference_mode():
        answers = fused(x)
        expected = chain.classify(x)
        _print("residuals", drawn[0], chain.tfen(x))
        _print("probabilities", answers[:, :3], expected.probabilities)
        _print("means", answers[:, 3:5], expected.residual_means)
        _print("summary", answers[:, 5:], expected.summary)


def _print(name: str, found: torch.Tensor, expected: torch.Tensor | None) -> None:
    assert expected is not None
    print(name, float((found - expected).abs().max()), found.shape == expected.shape)


if __name__ == "__main__":
    main(*sys.argv[1:])
