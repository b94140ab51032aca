"""What a calibration costs a request: engines with and without the third output, predictions with and without it.

    python -m benchmarks.abstention_cost ARTEFACT_DIR [--rounds N] [--threads N]

ARTEFACT_DIR has a calibration.json. All variants take turns in every round; medians of the processor's time, which a
busy machine stretches less than the clock's, and their ratio to the first of each pair.
"""

from __future__ import annotations

import argparse
import io
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from benchmarks.errors import errors_in_one_line
from inference.predictor import Predictor
from model_src import torchscript
from model_src.artefacts import INFO_NAME
from model_src.calibration.file import CALIBRATION_NAME
from model_src.engines.compact import scripted_compact
from outputs.prediction_json import render_prediction
from phantoms.generate import make_phantom


class TwoOutputs(nn.Module):
    """What engines compiled before: probabilities and mean residuals."""

    def __init__(self, tfen: nn.Module, cin: nn.Module) -> None:
        super().__init__()
        self.tfen, self.cin = tfen, cin

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """`x` (N, 1, S, S) -> (N, 3) and (N, 2)."""
        residuals = self.tfen(x)
        return self.cin(residuals).float().softmax(dim=1), residuals[:, :2].float().mean(dim=[2, 3])


def compiled(module: torch.jit.ScriptModule, size: int, threads: int) -> Callable[[Any], Any]:
    """OpenVINO's, as the kit's engine opens it."""
    import openvino

    converted = openvino.convert_model(
        module, example_input=torch.zeros(1, 1, size, size), input=[openvino.PartialShape([-1, 1, size, size])]
    )
    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": "f32",
    }
    request = openvino.Core().compile_model(converted, "CPU", settings).create_infer_request()
    return lambda x: request.infer([x], share_inputs=True)


def without_calibration(directory: Path, folder: Path) -> Path:
    """A copy of the artefacts that has none."""
    copy = Path(shutil.copytree(directory, folder / "plain"))
    (copy / CALIBRATION_NAME).unlink()
    facts = json.loads((copy / INFO_NAME).read_text(encoding="utf-8"))
    del facts["sha256"][CALIBRATION_NAME]
    (copy / INFO_NAME).write_text(json.dumps(facts), encoding="utf-8")
    return copy


@errors_in_one_line()
def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("artefacts", type=Path, metavar="ARTEFACT_DIR")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    with tempfile.TemporaryDirectory() as folder:
        plain, judged = Predictor(without_calibration(args.artefacts, Path(folder))), Predictor(args.artefacts)
    size = plain.info.image_size
    stream = io.BytesIO()
    Image.fromarray(make_phantom(1, seed=0, size=512).image).save(stream, "JPEG")
    film, x = stream.getvalue(), plain.read(stream.getvalue()).tensor.unsqueeze(0).numpy()
    two = torchscript.script(TwoOutputs(plain.network.tfen, plain.network.cin))
    engines = [compiled(module, size, args.threads) for module in (two, scripted_compact(plain.network))]
    same = torch.equal(*(torch.from_numpy(engine(x)[0].copy()) for engine in engines))
    work: dict[str, Callable[[], object]] = {
        "engine, two outputs": lambda: engines[0](x),
        "engine, three outputs": lambda: engines[1](x),
        "decode, predict, encode": lambda: _request(plain, film),
        "the same, calibrated": lambda: _request(judged, film),
    }
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(args.rounds):
        for name, run in work.items():
            started = time.process_time()
            run()
            seconds[name].append(time.process_time() - started)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    for name, before in zip(work, [*list(work)[:1] * 2, *list(work)[2:3] * 2], strict=True):
        print(f"{name:26} {1000 * medians[name]:8.2f} ms  {medians[name] / medians[before]:.3f}")
    bits = "the same to the bit" if same else "not the same to the bit"
    print(f"{size} pixels, {args.threads} threads; both engines' probabilities are {bits}")


def _request(predictor: Predictor, film: bytes) -> bytes:
    (found,) = predictor.predict([predictor.read(film)])
    if isinstance(found, Exception):
        raise found
    return render_prediction(found)


if __name__ == "__main__":
    main()
