"""Mixed traffic on a real server for minutes: every answer is checked, every status counted, memory watched.

    python -m benchmarks.soak [--run archive/pretrained] [--minutes 10] [--out build/bench/soak]

Two clients ask for predictions and one for explanations without a pause, one sends what is no X-ray. A prediction
has to have the label and, within 0.001, the probabilities that the chain gives without a server; an explanation too,
and a heat map of numbers; a bad request its 400 or 415. 503 (queue full) is allowed and counted. Resident memory of
Java and of all workers is read every two seconds; its slope is fitted after the first third. Exit status 1 if an
answer was wrong, an error had no explanation, a client died, no explanation was answered, a worker was lost, or over
the time that was fitted workers' memory rose by more than 2% or Java's by more than 10%.
"""

from __future__ import annotations

import argparse
import io
import json
import math
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import requests
from PIL import Image

from benchmarks.errors import errors_in_one_line
from benchmarks.shipped import pack
from benchmarks.train_benchmark import processor
from client.http import CoroNetClient
from inference.predictor import Predictor
from launcher.server import Server, torchserve
from launcher.torchserve_config import free_ports
from model_src.classes import CLASS_NAMES
from model_src.errors import CoroNetError, InvalidImage, InvalidRequest, Overloaded, UnsupportedImage
from model_src.model_names import EXPLAIN_MODEL, PREDICT_MODEL
from phantoms.generate import make_phantom

_ROOT = Path(__file__).parents[1]
_EXPLANATIONS: tuple[dict[str, Any], ...] = (
    {"method": "saliency", "score_steps": 4},
    {"method": "grad_cam", "score_steps": 4},
    {"method": "meaningful_perturbation", "steps": 5},
)
_BAD: tuple[bytes, ...] = (b"no image at all", b"\x89PNG\r\n\x1a\n cut short", b"GIF89a" + b"\0" * 100, b"%PDF-1.4")
_MOST_GROWTH = {"workers": 0.02, "java": 0.10}  # Java's heap goes on growing until it is collected


@errors_in_one_line()
def main() -> int:
    """Run the soak; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, default=Path("archive/pretrained"))
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--out", type=Path, default=Path("build/bench/soak"))
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="soak-", dir="/tmp") as temporary:
        artefacts, store = pack(args.run, Path(temporary))
        traffic = Traffic(known_answers(artefacts))
        port, management_port, metrics_port = free_ports(3)
        with torchserve(
            store,
            _ROOT / "config.properties",
            port=port,
            management_port=management_port,
            metrics_port=metrics_port,
            state=Path(temporary) / "state",
        ) as server:
            before = worker_pids(server)
            memory = traffic.run(server, args.minutes * 60)
            lost = len(set(before) - set(worker_pids(server)))
    growth = {name: slope(memory, f"{name}_mb") for name in _MOST_GROWTH}
    result = {
        "device": processor(),
        "minutes": args.minutes,
        "counts": dict(traffic.counts),
        "wrong": traffic.wrong,
        "unexplained": traffic.unexplained,
        "workers_lost": lost,
        **{name: asdict(found) for name, found in growth.items()},
        "memory": memory,
    }
    (args.out / "result.json").write_text(json.dumps(result, indent=2) + "\n")
    print(f"{sum(traffic.counts.values())} requests in {args.minutes:g} minutes: {dict(traffic.counts)}")
    print(f"wrong answers: {len(traffic.wrong)}, unexplained errors: {len(traffic.unexplained)}, workers lost: {lost}")
    for said in [*traffic.wrong[:5], *traffic.unexplained[:5]]:
        print(f"  {said}")
    for name, found in growth.items():
        print(f"memory of {name}: {found.mean:.0f} MB, {found.per_minute:+.2f} +- {found.half_width:.2f} MB a minute")
    grew = any(found.growth > _MOST_GROWTH[name] for name, found in growth.items())
    return int(not traffic.good() or lost > 0 or grew)


@dataclass(frozen=True)
class Known:
    """An image and the chain's own answer."""

    image: bytes
    label: str
    probabilities: dict[str, float]


def known_answers(artefacts: Path) -> list[Known]:
    """Generated X-rays, and real ones where they are beside the checkout, classified without a server."""
    images = []
    for number in range(12):
        buffer = io.BytesIO()
        picture = Image.fromarray(make_phantom(number % len(CLASS_NAMES), seed=number, size=256 + 64 * number).image)
        picture.save(buffer, ("PNG", "JPEG", "TIFF", "WEBP")[number % 4])
        images.append(buffer.getvalue())
    real = sorted((_ROOT.parent / "shared" / "data" / "cxr512").rglob("*.[jp][pn]g"))[:12]
    images += [path.read_bytes() for path in real]
    predictor = Predictor(artefacts)
    known = []
    for image in images:
        (prediction,) = predictor.predict([predictor.read(image)])
        if isinstance(prediction, CoroNetError):
            raise prediction
        probabilities = dict(zip(CLASS_NAMES, prediction.probabilities, strict=True))
        known.append(Known(image, CLASS_NAMES[prediction.label], probabilities))
    return known


class Traffic:
    """Clients that check what they get."""

    def __init__(self, known: Sequence[Known]) -> None:
        self.known = known
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.unexplained: list[str] = []

    def run(self, server: Server, seconds: float) -> list[dict[str, float]]:
        """Ask for so long; returns memory over time."""
        deadline = time.monotonic() + seconds
        jobs: list[Callable[[CoroNetClient, int], None]] = [self._predict, self._predict, self._explain, self._misuse]
        threads = [
            threading.Thread(target=self._client, args=(job, server, number, deadline))
            for number, job in enumerate(jobs)
        ]
        for thread in threads:
            thread.start()
        memory, begun = [], time.monotonic()
        while time.monotonic() < deadline:
            memory.append({"seconds": time.monotonic() - begun, **resident(server)})
            time.sleep(2)
        for thread in threads:
            thread.join()
        return memory

    def good(self) -> bool:
        """Whether every answer was right, every error has an explanation, and every kind of request was answered."""
        asked = all(self.counts[name] for name in ("predictions", "explanations"))
        return asked and not self.wrong and not self.unexplained

    def _client(self, job: Callable[[CoroNetClient, int], None], server: Server, turn: int, deadline: float) -> None:
        client = server.client()
        while time.monotonic() < deadline:
            turn += 1
            try:
                job(client, turn)
            except Exception as error:  # also what no client should meet: its thread must not end unseen
                self.counts[type(error).__name__] += 1
                if not is_full(error):
                    self.unexplained.append(f"{type(error).__name__}: {error}")

    def _predict(self, client: CoroNetClient, turn: int) -> None:
        known = self.known[turn % len(self.known)]
        self._check(client.predict(known.image), known)
        self.counts["predictions"] += 1

    def _explain(self, client: CoroNetClient, turn: int) -> None:
        known = self.known[turn % len(self.known)]
        options = _EXPLANATIONS[turn % len(_EXPLANATIONS)]
        answer = client.explain(known.image, **options)
        self._check(answer, known)
        heatmap = np.asarray(answer["heatmap"], float)
        if answer["method"] != options["method"] or not (np.isfinite(heatmap).all() and heatmap.max() <= 1):
            self.wrong.append(f"explanation by {options['method']}: not a heat map")
        self.counts["explanations"] += 1

    def _misuse(self, client: CoroNetClient, turn: int) -> None:
        try:
            answer = client.predict(_BAD[turn % len(_BAD)])
            self.wrong.append(f"answered what is no X-ray: {str(answer)[:100]}")
        except (InvalidImage, InvalidRequest, UnsupportedImage) as error:
            self.counts[f"refused: {type(error).__name__}"] += 1
        time.sleep(0.2)

    def _check(self, answer: dict[str, Any], known: Known) -> None:
        moved = max(abs(answer["probabilities"][name] - p) for name, p in known.probabilities.items())
        if answer["label"] != known.label or moved > 1e-3:
            self.wrong.append(f"{answer['label']} for {known.label}, probabilities moved by {moved:.4f}")


def is_full(error: Exception) -> bool:
    """Whether this is the server's way to say that too much waits: its queue is full, or no time is left.

    A client that had no answer in its own time says Overloaded too, because of a time-out: that stays unexplained.
    """
    return isinstance(error, Overloaded) and not isinstance(error.__cause__, requests.Timeout)


def worker_pids(server: Server) -> list[int]:
    """Process ids of the workers of both pools."""
    pools = [server.describe(model) for model in (PREDICT_MODEL, EXPLAIN_MODEL)]
    return [worker["pid"] for pool in pools for worker in pool.get("workers", ())]


def resident(server: Server) -> dict[str, float]:
    """Resident memory in MB: of Java, and of the workers together."""
    found = {"java_mb": 0.0, "workers_mb": 0.0}
    for process in psutil.Process(server.process.pid).children(recursive=True):
        try:
            command = " ".join(process.cmdline())
            size = process.memory_info().rss / 1e6
        except psutil.NoSuchProcess:
            continue
        if "model_service_worker" in command:
            found["workers_mb"] += size
        elif "java" in command.partition(" ")[0]:
            found["java_mb"] += size
    return found


@dataclass(frozen=True)
class Slope:
    """Memory over time after the first third: a straight line by least squares."""

    mean: float  # MB
    per_minute: float  # MB
    half_width: float  # of the 95% interval of per_minute, MB; takes samples for independent
    growth: float  # over the time that was fitted, as a share of the mean


def slope(memory: Sequence[dict[str, float]], name: str) -> Slope:
    """Fit the samples' `name` over `seconds`; needs four samples after the first third."""
    kept = memory[len(memory) // 3 :]
    minutes = np.array([sample["seconds"] for sample in kept]) / 60
    size = np.array([sample[name] for sample in kept])
    centred = minutes - minutes.mean()
    per_minute = float((centred * size).sum() / (centred**2).sum())
    residuals = size - size.mean() - per_minute * centred
    error = math.sqrt(float((residuals**2).sum()) / (len(kept) - 2) / float((centred**2).sum()))
    mean = float(size.mean())
    return Slope(mean, per_minute, 1.96 * error, per_minute * float(minutes[-1] - minutes[0]) / mean)


if __name__ == "__main__":
    sys.exit(main())
