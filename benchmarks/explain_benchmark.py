"""Compare explanation methods: time, faithfulness, lesions hit, and whether they notice that the model is gone.

    python -m benchmarks.explain_benchmark --model ARTEFACT_DIR --phantoms 20 --out REPORT_DIR
    python -m benchmarks.explain_benchmark --model coronet.mar --data ../shared/data/cxr512 --images 20 \\
        --reference-images 4 --sanity-images 4 --out REPORT_DIR

For every method, with its default settings, on images of DATA_DIR's test split (equal numbers of each class) and on
phantoms, explaining the predicted class: seconds per image for the map alone; deletion and insertion area on
--score-steps points in float32; on phantoms with lesions the pointing game and intersection over union; the rank
correlation with the maps of randomised models. The row "reference" is meaningful perturbation written straight from
the 2017 paper (reference_perturbation.py); it is slow, so it may run on fewer images, and then a second table compares
it with our method on exactly those. Writes explain_benchmark.json and explain_benchmark.md, and with --pictures a
montage of each set.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.errors import errors_in_one_line
from benchmarks.explain_cases import Case, image_cases, phantom_cases
from benchmarks.explain_report import REFERENCE, Found, facts, hardware, line, markdown
from benchmarks.reference_perturbation import STEPS, reference_mask
from evaluation.classifiers import artefact_directory
from evaluation.explanation_scores import intersection_over_union, pointing_hit, randomise, rank_correlation
from explanations import DEFAULT_METHOD, METHODS, parse_options
from explanations.faithfulness import deletion_insertion
from explanations.preserved_state import preserved_state
from explanations.target_model import TargetModel
from explanations.time_limit import measure_pace
from handlers.process import configure_process
from model_src.artefacts import load_artefacts
from model_src.atomic import atomic_write
from model_src.classes import CLASS_NAMES, HEALTHY
from model_src.networks.coronet import CoroNet
from outputs.montage import draw_montage, map_row

BATCH = 8
BATCH_ROUNDS = 3
_PANEL = 160  # pixels: the longest side of a picture in the montage


@errors_in_one_line()
def main(argv: Sequence[str] | None = None) -> None:
    """Run the benchmark and write its report."""
    given = list(sys.argv[1:] if argv is None else argv)
    args = parse_arguments(given)
    configure_process(args.threads)
    device = torch.device(args.device)
    with artefact_directory(args.model) as directory:
        coronet, info = load_artefacts(directory, device)
        ruined = [load_artefacts(directory, device)[0] for _ in range(2)] if args.sanity_images else []
    for number, network in enumerate(ruined):
        randomise(network.cin, seed=1)
        if number == 1:
            randomise(network.tfen, seed=2)
    size = args.size or info.image_size
    measure_pace(coronet, size)  # compiles the network for this size, so that what follows is measured warm
    sets: dict[str, list[Case]] = {}
    if args.data:
        sets["images"] = image_cases(args.data, args.images, size)
    if args.phantoms:
        sets["phantoms"] = phantom_cases(args.phantoms, size)

    report: dict[str, Any] = {
        "command": shlex.join(["python", "-m", "benchmarks.explain_benchmark", *given]),
        "date": date.today().isoformat(),
        "hardware": hardware(device, args.threads),
        "model": {"image_size": size, "recipe": info.recipe, "trained_on": info.trained_on, "metrics": info.metrics},
        "pace_seconds": asdict(measure_pace(coronet, size)),
        "sets": {},
    }
    for name, cases in sets.items():
        targets = [predicted(coronet, case, device) for case in cases]
        rows = {}
        for method in args.methods:
            rows[method] = run_method(method, coronet, cases, targets, args.score_steps, device)
            sanity(rows[method], method, ruined, cases[: args.sanity_images], targets, device)
            print(line(method, rows[method]), flush=True)
        if args.reference_images:
            few = cases[: args.reference_images]
            rows[REFERENCE] = run_reference(coronet, few, targets, args.score_steps, device, args.reference_steps)
            print(line(REFERENCE, rows[REFERENCE]), flush=True)
        report["sets"][name] = {
            "images": len(cases),
            "accuracy": float(np.mean([t == c.label for t, c in zip(targets, cases, strict=True)])),
            "methods": {method: facts(found) for method, found in rows.items()},
        }
        if args.batch:
            report["sets"][name]["batch"] = batch_speed(coronet, cases, targets, device)
        if args.pictures:
            write_montage(args.pictures / f"explanations_{name}.png", cases, targets, rows)
    args.out.mkdir(parents=True, exist_ok=True)
    for suffix, text in ((".json", json.dumps(report, indent=2, allow_nan=False) + "\n"), (".md", markdown(report))):
        with atomic_write(args.out / f"explain_benchmark{suffix}") as path:
            path.write_text(text, encoding="utf-8")
    print(markdown(report))


def parse_arguments(argv: Sequence[str]) -> argparse.Namespace:
    """Command line; methods are checked here."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="ARTEFACT_DIR or a .mar file")
    parser.add_argument("--data", type=Path, metavar="DATA_DIR", help="images: the test split of this folder")
    parser.add_argument("--images", type=int, default=20, help="how many of them (20)")
    parser.add_argument("--phantoms", type=int, default=0, metavar="N", help="how many generated phantoms (0)")
    parser.add_argument("--methods", type=lambda text: text.split(","), default=list(METHODS), metavar="A,B,...")
    parser.add_argument("--reference-images", type=int, default=0, metavar="N", help="run the 2017 reference on N (0)")
    parser.add_argument("--reference-steps", type=int, default=STEPS, help=f"its steps ({STEPS})")
    parser.add_argument("--sanity-images", type=int, default=0, metavar="N", help="sanity check on N images (0)")
    parser.add_argument("--score-steps", type=int, default=16, help="points of the deletion and insertion curves (16)")
    parser.add_argument("--batch", action="store_true", help=f"also time {BATCH} images together and one by one")
    parser.add_argument("--size", type=int, help="image size in pixels (the model's)")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (cpu)")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="CPU threads (all cores)")
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="write a montage of each set here")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the report goes")
    args = parser.parse_args(argv)
    if unknown := [method for method in args.methods if method not in METHODS]:
        parser.error(f"--methods: unknown {', '.join(unknown)}; choose from {', '.join(METHODS)}")
    if not args.data and not args.phantoms:
        parser.error("nothing to explain: give --data or --phantoms")
    return args


def predicted(coronet: CoroNet, case: Case, device: torch.device) -> int:
    """The class to explain: the predicted one."""
    return int(coronet.classify(case.x.to(device)).probabilities.argmax())


def one_map(method: str, coronet: CoroNet, x: Tensor, targets: Sequence[int]) -> tuple[Tensor, list[int]]:
    """Maps (N, h, w) by a method with default settings, and the steps taken."""
    options = parse_options({"method": method})
    with preserved_state(coronet, options.seed):
        maps = METHODS[method].attribute(TargetModel(coronet, targets, x.device), x.clone(), options.settings)
    return maps.heatmaps.detach().float(), maps.steps


def run_method(
    method: str, coronet: CoroNet, cases: Sequence[Case], targets: Sequence[int], score_steps: int, device: torch.device
) -> Found:
    """Time and score one method, image by image, after a first call that is not counted."""
    found = Found()
    one_map(method, coronet, cases[0].x.to(device), targets[:1])
    for case, target in zip(cases, targets, strict=True):
        x = case.x.to(device)
        (heatmap, steps), seconds = timed(partial(one_map, method, coronet, x, [target]), device)
        found.steps += steps
        record(found, coronet, case, target, heatmap, seconds, score_steps)
    return found


def run_reference(
    coronet: CoroNet,
    cases: Sequence[Case],
    targets: Sequence[int],
    score_steps: int,
    device: torch.device,
    steps: int,
) -> Found:
    """The 2017 method on each image."""
    found = Found()
    for case, target in zip(cases, targets, strict=False):
        x = case.x.to(device)
        mask, seconds = timed(partial(reference_mask, coronet, x, target, steps), device)
        found.steps.append(steps)
        record(found, coronet, case, target, 1 - mask[None], seconds, score_steps)
        print(f"{REFERENCE}: {case.name} {seconds[0]:.1f} s", file=sys.stderr, flush=True)
    return found


def record(
    found: Found,
    coronet: CoroNet,
    case: Case,
    target: int,
    heatmap: Tensor,
    seconds: tuple[float, float],
    score_steps: int,
) -> None:
    """Score one map (1, h, w) and add everything to `found`."""
    x = case.x.to(heatmap.device)
    deletion, insertion = deletion_insertion(TargetModel(coronet, [target], x.device), x, heatmap, score_steps)
    drawn = heatmap[0].cpu().numpy()
    found.seconds.append(seconds[0])
    found.cpu_seconds.append(seconds[1])
    found.deletion.append(float(deletion))
    found.insertion.append(float(insertion))
    lesions = case.lesions if case.label != HEALTHY and target == case.label else None
    found.pointing.append(None if lesions is None else pointing_hit(drawn, lesions))
    found.iou.append(None if lesions is None else intersection_over_union(drawn, lesions))
    found.maps.append(drawn)


def sanity(
    found: Found,
    method: str,
    ruined: Sequence[CoroNet],
    cases: Sequence[Case],
    targets: Sequence[int],
    device: torch.device,
) -> None:
    """Rank correlation of each map with those of the same class under randomised models."""
    for network, correlations in zip(ruined, (found.cin_randomised, found.all_randomised), strict=False):
        for case, target, heatmap in zip(cases, targets, found.maps, strict=False):
            other, _ = one_map(method, network, case.x.to(device), [target])
            correlations.append(rank_correlation(heatmap, other[0].cpu().numpy()))


def batch_speed(
    coronet: CoroNet, cases: Sequence[Case], targets: Sequence[int], device: torch.device
) -> dict[str, float]:
    """Images per second of the default method, one image at a time and eight together: medians of BATCH_ROUNDS
    alternating rounds, after a first one that is not counted."""
    few = list(zip(cases, targets, strict=True))[:BATCH]
    x = torch.cat([case.x for case, _ in few]).to(device)
    wanted = [target for _, target in few]

    def alone() -> None:
        for i, target in enumerate(wanted):
            one_map(DEFAULT_METHOD, coronet, x[i : i + 1], [target])

    def together() -> None:
        one_map(DEFAULT_METHOD, coronet, x, wanted)

    seconds = np.array([[timed(run, device)[1] for run in (alone, together)] for _ in range(BATCH_ROUNDS + 1)])
    single, batch = np.median(seconds[1:], axis=0)
    return {
        "images": len(few),
        "one_by_one": len(few) / single[0],
        "together": len(few) / batch[0],
        "one_by_one_cpu": len(few) / single[1],
        "together_cpu": len(few) / batch[1],
    }


def timed(run: Callable[[], Any], device: torch.device) -> tuple[Any, tuple[float, float]]:
    """A call's result, and its seconds by the clock and of processor time."""
    started, cpu = time.perf_counter(), time.process_time()
    result = run()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return result, (time.perf_counter() - started, time.process_time() - cpu)


def write_montage(path: Path, cases: Sequence[Case], targets: Sequence[int], rows: dict[str, Found]) -> None:
    """The first image of each predicted class with its lesions, if known, and the maps of all methods it has."""
    first = {target: i for i, target in reversed(list(enumerate(targets)))}
    montage = []
    for target, i in sorted(first.items()):
        lesions, maps = (
            cases[i].lesions,
            {method: found.maps[i] for method, found in rows.items() if i < len(found.maps)},
        )
        if lesions is not None:
            maps = {"lesions": lesions.astype(np.float32), **maps}
        montage += [
            map_row(f"{cases[i].name}\n{name}: why {CLASS_NAMES[target]}?", cases[i].x[0, 0].numpy(), found, "", _PANEL)
            for name, found in maps.items()
        ]
    canvas = draw_montage("1 = matters most for the class explained", montage, panel=_PANEL)
    with atomic_write(path) as temporary:
        canvas.save(temporary, format="PNG")


if __name__ == "__main__":
    main()
