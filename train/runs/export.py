"""From a run folder to artefacts that are checked against the eager networks before they appear."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from model_src.artefacts import ArtefactInfo, check_target, write_artefacts
from model_src.atomic import require_replaceable, require_writable
from model_src.check_images import check_images_bytes
from model_src.errors import RunError
from model_src.networks.coronet import CoroNet
from model_src.weight_files import open_programs, open_torchscript, weight_files
from train.runs.run_folder import RunFolder, load_model

MakeImages = Callable[[int], list[np.ndarray]]

TOLERANCE = 1e-5  # largest difference between an artefact's answer and the eager network's


def export_run(run_dir: Path, artefact_dir: Path, make_check_images: MakeImages | None = None) -> ArtefactInfo:
    """Compile a run's TFEN and CIN, as TorchScript and as programs, check each, and write the artefact folder.

    Args:
        run_dir: a finished run.
        artefact_dir: the folder.
        make_check_images: image size -> pictures (S, S) uint8, which go with the artefacts to check engines on.

    Raises:
        RunError: the run is unfinished, damaged, or not a CoroNet (baselines are for comparison only).
        RunError: an artefact differs from its eager network by more than 1e-5.
        ArtefactError: the target folder holds something else; or the run's calibration.json or certificate.json is
            damaged or of other weights.
        OutputError: the target folder cannot be written. Both are found before anything is compiled.
    """
    check_target(artefact_dir)
    require_writable(artefact_dir, "--out")
    require_replaceable(artefact_dir, "--out", "artefacts")
    run = RunFolder(run_dir)
    record = run.record()
    network = load_model(run)
    if not isinstance(network, CoroNet):
        raise RunError(f"{run_dir}: holds a {record.model} baseline; only CoroNet runs can be exported")
    size = record.recipe.image_size
    info = ArtefactInfo(
        image_size=size,
        recipe=record.recipe.name,
        parameters={
            "tfen": sum(p.numel() for p in network.tfen.parameters()),
            "cin": sum(p.numel() for p in network.cin.parameters()),
        },
        cin_trained=record.cin_trained,
        trained_on=record.trained_on,
        data=record.data.model_dump(exclude_none=True),
        metrics=run.read_metrics(),
    )
    calibration, certificate = run.calibration(), run.certificate()
    files = weight_files(network)
    for opened in (open_torchscript, open_programs):
        artefact = opened(files, artefact_dir)
        for shape in ((1, 1, size, size), (2, 1, 64, 64)):
            check_against_eager(network, artefact, shape)
    pictures = check_images_bytes(make_check_images(size)) if make_check_images else None
    write_artefacts(files, info, artefact_dir, calibration, certificate, pictures)
    return info


@torch.inference_mode()
def check_against_eager(eager: CoroNet, artefact: CoroNet, shape: tuple[int, ...]) -> None:
    """Compare every promised method on a seeded random image batch of `shape`. Raises RunError."""
    x = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    residuals = eager.tfen(x)
    features = eager.cin.features(residuals)  # type: ignore[operator]
    pairs: dict[str, tuple[Tensor, Tensor]] = {
        "tfen": (residuals, artefact.tfen(x)),
        "tfen.reconstruct": (
            torch.cat(eager.tfen.reconstruct(x)),  # type: ignore[operator]
            torch.cat(artefact.tfen.reconstruct(x)),  # type: ignore[operator]
        ),
        "cin": (eager.cin(residuals), artefact.cin(residuals)),
        "cin.features": (features, artefact.cin.features(residuals)),  # type: ignore[operator]
        "cin.classify": (eager.cin(residuals), artefact.cin.classify(features)),  # type: ignore[operator]
    }
    for name, (wanted, found) in pairs.items():
        scale = max(1.0, float(wanted.abs().max()))
        difference = float((wanted - found).abs().max()) / scale
        if not difference <= TOLERANCE:
            raise RunError(
                f"export: {name} differs from the eager network by {difference:.2e} on {shape}, "
                f"at most {TOLERANCE:.0e} is allowed; nothing was written"
            )
