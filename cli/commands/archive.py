"""Pack artefacts into MODEL_STORE_DIR/coronet.mar, ready for TorchServe.

The archive holds the networks, their digests and all code that runs in a TorchServe worker. Packing the same
artefacts twice gives the same bytes. The archive answers one request before it gets its name.
"""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `coronet archive`."""
    parser.add_argument("artefact_dir", metavar="ARTEFACT_DIR", help="folder made by 'coronet export'")
    parser.add_argument("--out", required=True, metavar="MODEL_STORE_DIR", help="folder for coronet.mar")
    parser.add_argument("--version", default="1.0", metavar="V", help="model version that answers carry (default: 1.0)")
    parser.add_argument(
        "--config", metavar="FILE", help="model-config.yaml to pack (default: archive/model-config.yaml)"
    )


def run(args: argparse.Namespace) -> int:
    """Build the archive and say what it is."""
    from archive.build import DEFAULT_CONFIG, build_archive
    from model_src.file_digest import file_digest

    path = build_archive(args.artefact_dir, args.out, args.version, args.config or DEFAULT_CONFIG)
    print(f"{path}  {path.stat().st_size / 1e6:.1f} MB  SHA-256 {file_digest(path)}")
    return 0
