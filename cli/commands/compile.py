"""Compile artefacts to native code for this machine's processor.

AOTInductor makes a package that engine 'inductor' loads; a server on this machine then tries it beside the others, and
takes it where it is the fastest. It needs g++ and a minute or two. It is kept in ~/.cache/coronet/compiled, named by
processor and weights, and is refused on another processor. It is a library that the server runs: compile it where it
is served, and take none from anybody.
"""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `coronet compile`."""
    parser.add_argument("artefact_dir", type=Path, metavar="ARTEFACT_DIR", help="folder made by 'coronet export'")


def run(args: argparse.Namespace) -> int:
    """Compile, and check the answer for one image."""
    import torch

    from model_src.artefacts import load_artefacts
    from model_src.engines.choose import open_engine
    from model_src.engines.compiled_package import compile_package
    from model_src.engines.settings import EngineSettings

    network, info = load_artefacts(args.artefact_dir)
    path = compile_package(network, info.image_size)
    open_engine(network, info.image_size, torch.device("cpu"), EngineSettings("inductor"))
    print(f"{path}  {path.stat().st_size / 1e6:.1f} MB, for this processor and {info.image_size} pixels")
    return 0
