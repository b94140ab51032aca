"""TFEN and CIN as modules that run a program: the same methods, names of weights and gradients as the eager ones."""

from __future__ import annotations

from pathlib import Path as FilePath

import torch
from torch import Tensor, nn

from model_src.errors import ArtefactError
from model_src.programs.file import Program, read_program


class ProgramNetwork(nn.Module):
    """A program, from its input to its output; weights are parameters and buffers under the eager network's names."""

    def __init__(self, program: Program) -> None:
        """Raises ValueError: the program lacks a part that the network has, or a weight has a name that cannot be."""
        super().__init__()
        for name, value in program.weights.items():
            _place(self, name, value, name in program.parameters)
        self._places = [(value, *_parent(self, weight)) for value, weight in program.graph.weights.items()]
        self.graph = program.graph  # what tells two programs with the same weights apart
        self._input = program.graph.input
        self._forward = program.graph.path([program.graph.input], [program.graph.output])

    def forward(self, x: Tensor) -> Tensor:
        """What the network gives."""
        return self._forward.run({self._input: x, **self._values()})[0]

    def _values(self) -> dict[str, Tensor]:
        return {value: getattr(module, name) for value, module, name in self._places}


class TFENProgram(ProgramNetwork):
    """As `model_src.networks.tfen.TFEN`: images (N, 1, H, W) -> residuals (N, 3, H, W)."""

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self._drawings = program.graph.path([program.graph.input], _part(program, "reconstruct", 2))

    def reconstruct(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """F_H(X) and F_P(X), each (N, 1, H, W) in (0, 1)."""
        healthy, pneumonia = self._drawings.run({self._input: x, **self._values()})
        return healthy, pneumonia


class CINProgram(ProgramNetwork):
    """As `model_src.networks.cin.CIN`: residuals (N, 3, H, W) -> logits (N, 3)."""

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        (self._last_map,) = _part(program, "features", 1)
        self._features = program.graph.path([program.graph.input], [self._last_map])
        self._classify = program.graph.path([self._last_map], [program.graph.output])

    def features(self, r: Tensor) -> Tensor:
        """The last convolutional map (N, 512, H/32, W/32), rounded up."""
        return self._features.run({self._input: r, **self._values()})[0]

    def classify(self, f: Tensor) -> Tensor:
        """Logits (N, 3) from the map that `features` returns."""
        return self._classify.run({self._last_map: f, **self._values()})[0]


def load(
    kind: type[ProgramNetwork], path: str | FilePath, content: bytes, device: torch.device | str = "cpu"
) -> ProgramNetwork:
    """The network in a file's bytes on `device`, in evaluation mode, without gradients for its parameters.

    Args:
        kind: TFENProgram or CINProgram.
        path: the file's, for errors.
        content: its bytes, read and checked already.
        device: where the weights go.

    Raises:
        ArtefactError: it is no such program.
    """
    try:
        network = kind(read_program(content))
    except (ValueError, KeyError) as error:
        raise ArtefactError(f"{path}: not a program that this version can open ({error}); export it again") from error
    return network.to(device).eval().requires_grad_(False)


def _part(program: Program, method: str, values: int) -> list[str]:
    names = program.parts.get(method, [])
    if len(names) != values:
        raise ValueError(f"names {len(names)} values for {method}, need {values}")
    return names


def _place(root: nn.Module, name: str, value: Tensor, is_parameter: bool) -> None:
    """Put a weight where its dotted name says."""
    folder, last = _parent(root, name)
    if is_parameter:
        folder.register_parameter(last, nn.Parameter(value, requires_grad=False))
    else:
        folder.register_buffer(last, value)


def _parent(root: nn.Module, name: str) -> tuple[nn.Module, str]:
    """The module that holds a weight, made where it is missing, and the weight's name in it."""
    *folders, last = name.split(".")
    module = root
    for folder in folders:
        if folder not in module._modules:
            module.add_module(folder, nn.Module())
        module = module.get_submodule(folder)
    return module, last
