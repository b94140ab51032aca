"""Images per second of training, ours against a straightforward loop, in one run.

    python benchmarks/train_benchmark.py [--image-size 224] [--threads 2] [--rounds 5] [--precision bfloat16]
        [--compile] [--out result.json]

The straightforward loop: float32, contiguous tensors, eager; for an autoencoder the whole network runs a second
time on the reconstruction, as a plain reading of equation (4) has it; for the classifier the TFEN runs on every
image in every epoch. Ours: channels-last, the second encoding reduced to the branch the loss reads, residuals
computed once per image and read back. Rounds alternate between both, medians are reported. With --compile the
classifier's step under torch.compile is measured against ours, and how long its first step takes.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model_src.cin import CIN
from model_src.fpae import FPAE
from model_src.tfen import TFEN
from train.device import Compute, choose_compute
from train.train_classifier import ClassifierLoss
from train.train_fpae import FpaeLoss


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
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    compute = choose_compute(args.device, args.precision)
    images = torch.rand(args.batch, 1, args.image_size, args.image_size)

    result = {
        "device": torch.cuda.get_device_name() if compute.device.type == "cuda" else processor(),
        "threads": args.threads,
        "image_size": args.image_size,
        "batch": args.batch,
        "rounds": args.rounds,
        "precision": "bfloat16" if compute.bfloat16 else "float32",
        "fpae": compare(plain_fpae(images, compute), our_fpae(images, compute), args, compute),
        "cin": compare(plain_cin(images, compute), our_cin(images, compute), args, compute),
    }
    report("fpae", "plain", "ours", result["fpae"], args.rounds)
    report("cin", "plain", "ours", result["cin"], args.rounds)
    if args.compile:
        compiled = our_cin(images, compute, compiled=True)
        begun = time.perf_counter()
        compiled()
        result["first_compiled_step_s"] = time.perf_counter() - begun
        result["compiled_cin"] = compare(our_cin(images, compute), compiled, args, compute)
        report("cin", "ours", "compiled", result["compiled_cin"], args.rounds)
        print(f"the first compiled step took {result['first_compiled_step_s']:.0f} s")
    if args.out:
        args.out.write_text(json.dumps(result, indent=2) + "\n")


def report(stage: str, first: str, second: str, found: dict, rounds: int) -> None:
    """One line: both speeds and their ratio."""
    print(
        f"{stage:5} {first} {found['plain']:7.2f}  {second} {found['ours']:7.2f} images/s   {found['ratio']:.2f}x "
        f"(median of {rounds}, {found['lowest_ratio']:.2f} to {found['highest_ratio']:.2f})",
        flush=True,
    )


def compare(plain: Callable[[], None], ours: Callable[[], None], args: argparse.Namespace, compute: Compute) -> dict:
    """Images per second of both, alternating, after one unmeasured round."""
    times: dict[str, list[float]] = {"plain": [], "ours": []}
    for measured in [False] + [True] * args.rounds:
        for name, step in (("plain", plain), ("ours", ours)):
            begun = time.perf_counter()
            step()
            if compute.device.type == "cuda":
                torch.cuda.synchronize()
            if measured:
                times[name].append(time.perf_counter() - begun)
    ratios = [a / b for a, b in zip(times["plain"], times["ours"], strict=True)]
    speeds = {name: args.batch / statistics.median(values) for name, values in times.items()}
    return {
        **speeds,
        "ratio": statistics.median(ratios),
        "lowest_ratio": min(ratios),
        "highest_ratio": max(ratios),
    }


def plain_fpae(images: Tensor, compute: Compute) -> Callable[[], None]:
    """One straightforward step of an autoencoder."""
    network = FPAE().to(compute.device)
    optimiser = torch.optim.Adam(network.parameters(), 1e-4)

    def step() -> None:
        x = images.to(compute.device)
        optimiser.zero_grad()
        reconstruction, latent = network(x)
        loss = F.mse_loss(reconstruction, x) + F.mse_loss(network(reconstruction)[1], latent)
        loss.backward()
        optimiser.step()

    return step


def our_fpae(images: Tensor, compute: Compute) -> Callable[[], None]:
    """The step of train/train_fpae.py."""
    loss = FpaeLoss(compute.prepare(FPAE()), 1.0)
    optimiser = torch.optim.Adam(loss.parameters(), 1e-4)

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        with compute.autocast():
            summed = loss(compute.send(images))
        (summed / len(images)).backward()
        optimiser.step()

    return step


def plain_cin(images: Tensor, compute: Compute) -> Callable[[], None]:
    """One straightforward step of the classifier: residuals from the frozen TFEN every time."""
    tfen = TFEN(FPAE(), FPAE()).eval().requires_grad_(False).to(compute.device)
    network = CIN().to(compute.device)
    optimiser = torch.optim.Adam(network.parameters(), 1e-3)
    labels = torch.zeros(len(images), dtype=torch.long, device=compute.device)
    weights = torch.ones(3, device=compute.device)

    def step() -> None:
        optimiser.zero_grad()
        with torch.no_grad():
            residuals = tfen(images.to(compute.device))
        F.cross_entropy(network(residuals), labels, weight=weights).backward()
        optimiser.step()

    return step


def our_cin(images: Tensor, compute: Compute, compiled: bool = False) -> Callable[[], None]:
    """The step of train/train_classifier.py once residuals are stored."""
    tfen = TFEN(FPAE(), FPAE()).eval().requires_grad_(False)
    with torch.no_grad():
        stored = tfen(images).half()
    network: nn.Module = compute.prepare(CIN())
    if compiled:
        network.compile()
    loss = ClassifierLoss(network, torch.ones(3)).to(compute.device)
    optimiser = torch.optim.Adam(loss.parameters(), 1e-3)
    targets = F.one_hot(torch.zeros(len(images), dtype=torch.long), 3).float()

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        with compute.autocast():
            summed = loss(compute.send(stored.float()), targets.to(compute.device))
        (summed / len(images)).backward()
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
