"""The files of an ARTEFACT_DIR that hold the networks: how they are made, named and opened.

Format version 1 has TorchScript alone. Version 2 has torch.export programs beside it, and those are what runs: PyTorch
has deprecated TorchScript. Its files stay for who opens them with `torch.jit.load`.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import torch

from model_src import torchscript
from model_src.networks.coronet import CoroNet
from model_src.programs.network import CINProgram, TFENProgram
from model_src.programs.network import load as load_program

TFEN_NAME = "tfen.pt"
CIN_NAME = "cin.pt"
TFEN_PROGRAM_NAME = "tfen.pt2"
CIN_PROGRAM_NAME = "cin.pt2"

FORMAT_VERSION = 2  # that is written
# Format version -> the files that it has.
WEIGHT_FILES: dict[int, tuple[str, ...]] = {
    1: (TFEN_NAME, CIN_NAME),
    2: (TFEN_NAME, CIN_NAME, TFEN_PROGRAM_NAME, CIN_PROGRAM_NAME),
}


def weight_files(network: CoroNet) -> dict[str, bytes]:
    """Both networks of an eager CoroNet, compiled: name -> content of every file of FORMAT_VERSION.

    The network is left in evaluation mode, without gradients for its parameters.
    """
    from model_src.programs.export import program_bytes  # torch.export is nothing that a worker needs

    return {
        TFEN_NAME: _script_bytes(network.tfen),
        CIN_NAME: _script_bytes(network.cin),
        TFEN_PROGRAM_NAME: program_bytes(network.tfen, channels=1, parts=["reconstruct"]),
        CIN_PROGRAM_NAME: program_bytes(network.cin, channels=3, parts=["features"]),
    }


def open_torchscript(files: Mapping[str, bytes], folder: Path, device: torch.device | str = "cpu") -> CoroNet:
    """The network in the TorchScript files; `folder` is named in errors. Raises ArtefactError."""
    tfen, cin = (torchscript.load(folder / name, device, files[name]) for name in (TFEN_NAME, CIN_NAME))
    return CoroNet(tfen, cin).eval()


def open_programs(files: Mapping[str, bytes], folder: Path, device: torch.device | str = "cpu") -> CoroNet:
    """The network in the programs; `folder` is named in errors. Raises ArtefactError."""
    tfen = load_program(TFENProgram, folder / TFEN_PROGRAM_NAME, files[TFEN_PROGRAM_NAME], device)
    cin = load_program(CINProgram, folder / CIN_PROGRAM_NAME, files[CIN_PROGRAM_NAME], device)
    return CoroNet(tfen, cin).eval()


def _script_bytes(network: torch.nn.Module) -> bytes:
    stream = io.BytesIO()
    torchscript.save(torchscript.script(network), stream)
    return stream.getvalue()
