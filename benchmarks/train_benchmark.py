"""Images per second of training, ours against a straightforward loop, in one run.

    python -m benchmarks.train_benchmark [--image-size 224] [--threads 2] [--rounds 5] [--precision bfloat16]
        [--compile] [--peak-tflops T] [--out result.json]

Both loops read decoded images from the same image cache, in shuffled batches. The straightforward loop: float32,
contiguous tensors, eager; for an autoencoder the whole network runs a second time on the reconstruction, as a plain
reading of equation (4) has it; for the classifier the TFEN runs on every image in every epoch. Ours: channels-last,
the second encoding reduced to the branch the loss reads; for the classifier a variant of each image is chosen and its
residuals are read from the residual cache, which is full, as after the first epochs. Files are in the system's page
cache. Rounds alternate between both, medians are reported.

With --compile our steps under torch.compile are measured against ours, and how long the first one takes. On CUDA,
--peak-tflops gives the share of that peak (of the precision that is used) which the matrix work of our steps reaches.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.errors import errors_in_one_line
from model_src.classes import CLASS_NAMES
from model_src.networks.cin import CIN
from model_src.networks.fpae import FPAE
from model_src.networks.tfen import TFEN
from train.data.augmentation import choose_variants
from train.data.classifier_inputs import ClassifierInputs, residual_inputs
from train.data.decode import LEVELS
from train.data.examples import Example
from train.data.image_cache import ImageCache
from train.device import Compute, choose_compute
from train.stages.autoencoders import FpaeLoss
from train.stages.classifier import ClassifierLoss
from train.stages.stage import batches as batches_of
from train.stages.stage import shuffled

VARIANTS = 2  # upright and mirrored
BATCHES = 8  # batches in an epoch
Step = Callable[[], None]


@errors_in_one_line()
def main() -> None:
    """Measure both stages both ways."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--precision", default="auto", help="of our steps: auto, float32 or bfloat16 (auto)")
    parser.add_argument("--compile", action="store_true", help="measure torch.compile too")
    parser.add_argument("--peak-tflops", type=float, metavar="T", help="the GPU's peak at this precision, TFLOP/s")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    compute = choose_compute(args.device, args.precision)
    on_gpu = compute.device.type == "cuda"
    result: dict[str, object] = {
        "device": torch.cuda.get_device_name() if on_gpu else processor(),
        "threads": args.threads,
        "image_size": args.image_size,
        "batch": args.batch,
        "rounds": args.rounds,
        "precision": "bfloat16" if compute.bfloat16 else "float32",
    }
    with tempfile.TemporaryDirectory(prefix="coronet-benchmark-") as name:
        images = generated_images(Path(name), BATCHES * args.batch, args.image_size)
        tfen = compute.prepare(TFEN(FPAE(), FPAE()).eval().requires_grad_(False))
        inputs = residual_inputs(images, "left_right", VARIANTS, 0, compute, tfen, Path(name) / "residuals")
        fill(inputs, args.batch)
        stages: dict[str, tuple[Step, Callable[[bool], Step]]] = {
            "fpae": (plain_fpae(images, args.batch, compute), lambda c: our_fpae(images, args.batch, compute, c)),
            "cin": (plain_cin(images, args.batch, compute), lambda c: our_cin(inputs, args.batch, c)),
        }
        for stage, (plain, make) in stages.items():
            ours = make(False)
            found = compare({"plain": plain, "ours": ours}, args, compute)
            if on_gpu:
                found |= matrix_work(ours, found["ours"], args.batch, args.peak_tflops)
            report(stage, found, args.rounds)
            result[stage] = found
            if args.compile:
                compiled = make(True)
                begun = time.perf_counter()
                compiled()
                seconds = time.perf_counter() - begun
                found = compare({"ours": ours, "compiled": compiled}, args, compute) | {"first_step_s": seconds}
                report(stage, found, args.rounds)
                print(f"the first compiled step took {seconds:.0f} s", flush=True)
                result[f"compiled_{stage}"] = found
    if args.out:
        args.out.write_text(json.dumps(result, indent=2) + "\n")


def generated_images(folder: Path, count: int, size: int) -> ImageCache:
    """An image cache of random pixels: how fast a step is does not depend on what it shows."""
    pixels = np.random.default_rng(0).integers(0, LEVELS + 1, (count, size, size), dtype=np.uint16)
    pixels.tofile(folder / "pixels.u16")
    examples = [Example(Path(f"{n}.png"), n % len(CLASS_NAMES), str(n), "") for n in range(count)]
    store = np.memmap(folder / "pixels.u16", dtype="<u2", mode="r", shape=pixels.shape)
    return ImageCache(examples, [], np.arange(count), store)


def fill(inputs: ClassifierInputs, batch: int) -> None:
    """Compute the residuals of all images in all variants, as the first epochs do."""
    for start in range(0, len(inputs.images), batch):
        indices = np.arange(start, start + batch)
        for variant in range(VARIANTS):
            inputs.load(indices, np.full(batch, variant))


def batches(images: int, batch: int) -> Iterator[tuple[int, np.ndarray]]:
    """(epoch, indices) without end."""
    epoch = 0
    while True:
        for indices in batches_of(shuffled(images, epoch, seed=0), batch):
            yield epoch, indices
        epoch += 1


def compare(steps: dict[str, Step], args: argparse.Namespace, compute: Compute) -> dict[str, float]:
    """Images per second of two steps, alternating, after one unmeasured round; and the ratio of the second's speed."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    for measured in [False] + [True] * args.rounds:
        for name, step in steps.items():
            begun = time.perf_counter()
            step()
            if compute.device.type == "cuda":
                torch.cuda.synchronize()
            if measured:
                times[name].append(time.perf_counter() - begun)
    first, second = times.values()
    ratios = [a / b for a, b in zip(first, second, strict=True)]
    speeds = {name: args.batch / statistics.median(values) for name, values in times.items()}
    return speeds | {"ratio": statistics.median(ratios), "lowest_ratio": min(ratios), "highest_ratio": max(ratios)}


def report(stage: str, found: dict[str, float], rounds: int) -> None:
    """One line: both speeds and their ratio, and the share of the peak if it was asked for."""
    (first, slow), (second, fast) = list(found.items())[:2]
    share = f"; {found['share_of_peak']:.1%} of peak" if "share_of_peak" in found else ""
    print(
        f"{stage:5} {first} {slow:7.2f}  {second} {fast:7.2f} images/s   {found['ratio']:.2f}x "
        f"(median of {rounds}, {found['lowest_ratio']:.2f} to {found['highest_ratio']:.2f}){share}",
        flush=True,
    )


def matrix_work(step: Step, speed: float, batch: int, peak: float | None) -> dict[str, float]:
    """Operations of the convolutions and products of one step, per image and second, and their share of `peak`."""
    with FlopCounterMode(display=False) as counter:
        step()
    per_image = counter.get_total_flops() / batch
    reached = {"gflop_per_image": per_image / 1e9, "tflops": per_image * speed / 1e12}
    return reached | ({"share_of_peak": reached["tflops"] / peak} if peak else {})


def plain_fpae(images: ImageCache, batch: int, compute: Compute) -> Step:
    """One straightforward step of an autoencoder."""
    network = FPAE().to(compute.device)
    optimiser = torch.optim.Adam(network.parameters(), 1e-4)
    shown = batches(len(images), batch)

    def step() -> None:
        x = images.tensor(next(shown)[1]).to(compute.device)
        optimiser.zero_grad()
        reconstruction, latent = network(x)
        loss = F.mse_loss(reconstruction, x) + F.mse_loss(network(reconstruction)[1], latent)
        loss.backward()
        optimiser.step()

    return step


def our_fpae(images: ImageCache, batch: int, compute: Compute, compiled: bool) -> Step:
    """The step of train/stages/autoencoders.py."""
    loss = FpaeLoss(compute.prepare(FPAE()), 1.0, compute)
    if compiled:
        loss.compile()
    optimiser = torch.optim.Adam(loss.parameters(), 1e-4)
    shown = batches(len(images), batch)

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        x = compute.send(images.tensor(next(shown)[1]))
        (loss(x) / batch).backward()
        optimiser.step()

    return step


def plain_cin(images: ImageCache, batch: int, compute: Compute) -> Step:
    """One straightforward step of the classifier: residuals from the frozen TFEN every time."""
    tfen = TFEN(FPAE(), FPAE()).eval().requires_grad_(False).to(compute.device)
    network = CIN().to(compute.device)
    optimiser = torch.optim.Adam(network.parameters(), 1e-3)
    labels = torch.tensor([example.label for example in images.examples])
    weights = torch.ones(len(CLASS_NAMES), device=compute.device)
    shown = batches(len(images), batch)

    def step() -> None:
        indices = next(shown)[1]
        optimiser.zero_grad()
        with torch.no_grad():
            residuals = tfen(images.tensor(indices).to(compute.device))
        F.cross_entropy(network(residuals), labels[indices].to(compute.device), weight=weights).backward()
        optimiser.step()

    return step


def our_cin(inputs: ClassifierInputs, batch: int, compiled: bool) -> Step:
    """The step of train/stages/classifier.py once residuals are stored."""
    compute = inputs.compute
    network: nn.Module = compute.prepare(CIN())
    if compiled:
        network.compile()
    loss = ClassifierLoss(network, torch.ones(len(CLASS_NAMES)), compute).to(compute.device)
    optimiser = torch.optim.Adam(loss.parameters(), 1e-3)
    targets = F.one_hot(torch.from_numpy(inputs.labels), len(CLASS_NAMES)).float()
    shown = batches(len(inputs.images), batch)

    def step() -> None:
        epoch, indices = next(shown)
        optimiser.zero_grad(set_to_none=True)
        chosen = choose_variants(inputs.augmentation, VARIANTS, inputs.labels, indices, epoch, inputs.seed)
        stored = inputs.load(indices, chosen)
        summed = loss(compute.send(stored), targets[indices].to(compute.device))
        (summed / batch).backward()
        optimiser.step()

    return step


def processor() -> str:
    """The CPU's name."""
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []:
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


if __name__ == "__main__":
    main()
