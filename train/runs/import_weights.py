"""A run folder from weight files that were trained elsewhere, such as the authors' released autoencoders."""

from __future__ import annotations

from pathlib import Path

import torch

from model_src.atomic import require_writable
from model_src.networks.cin import CIN
from model_src.networks.fpae import FPAE
from train.recipe import load_recipe
from train.runs.run_folder import AUTOENCODERS, RunFolder, load_into, read_state_dict
from train.runs.run_record import DataSummary, RunRecord


def import_weights(
    healthy: Path, pneumonia: Path, cin: Path | None, run_dir: Path, *, image_size: int, seed: int = 0
) -> RunFolder:
    """Check the state dicts against the networks and write a run folder.

    Without a CIN file the classifier gets seeded random weights; run.json, the artefacts and every answer made
    with them then say that it is untrained.

    Raises:
        RunError: a file is missing, is no state dict or does not fit; or the folder is in use.
    """
    run = RunFolder(run_dir)
    run.check_free()
    require_writable(run_dir, "--out")
    autoencoders = {}
    for name, path in zip(AUTOENCODERS, (healthy, pneumonia), strict=True):
        autoencoders[name] = read_state_dict(path)
        load_into(FPAE(), autoencoders[name], path)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        classifier = CIN()
    if cin is not None:
        load_into(classifier, read_state_dict(cin), cin)

    recipe = load_recipe("released").changed(name="imported", image_size=image_size)
    run.create(
        RunRecord(
            model="coronet",
            recipe=recipe,
            seed=seed,
            data=DataSummary(),
            trained_on="unknown",
            cin_trained=cin is not None,
            autoencoders=f"imported from {healthy.name} and {pneumonia.name}",
            classifier_start=f"imported from {cin.name}" if cin else "random, untrained",
        )
    )
    for name, weights in autoencoders.items():
        run.save_weights(f"fpae_{name}", weights, {})
    run.save_weights("cin", classifier.state_dict(), {})
    return run
