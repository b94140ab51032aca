"""The whole way once: a model, its archive, TorchServe, a prediction and an explanation over HTTP, pictures.

The model is the one that comes with the project. With --train a small one is trained on
generated phantoms instead, in a few minutes. Every step is a `coronet` command, shown as you would type it.
Everything goes into DIR, and a later demo replaces it. TorchServe is down again at the end.
"""

from __future__ import annotations

import argparse
import shlex
import shutil
import time
from pathlib import Path

from model_src.errors import DataError, RequestError, ServerError

METHODS = "meaningful_perturbation,grad_cam"
_MARK = ".coronet-demo"  # in a directory that a demo has made and may empty


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `coronet demo`."""
    parser.add_argument("--xray", type=Path, metavar="FILE", help="an X-ray of yours (default: a generated phantom)")
    parser.add_argument("--train", action="store_true", help="train a small model on phantoms first")
    parser.add_argument(
        "--per-class",
        type=int,
        default=60,
        metavar="N",
        help="with --train: phantoms per class (default: %(default)s)",
    )
    parser.add_argument("--epochs", type=int, metavar="N", help="with --train: epochs (default: the quick recipe's)")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("build/demo"),
        metavar="DIR",
        help="working directory (default: %(default)s)",
    )


def run(args: argparse.Namespace) -> int:
    """Run the demo."""
    from launcher.packaged_files import PRETRAINED, TORCHSERVE_CONFIG
    from launcher.server import torchserve
    from launcher.stop_signals import stop_signals
    from launcher.torchserve_config import free_ports
    from model_src.imaging.formats import find_format

    if args.xray and not args.xray.is_file():
        raise DataError(f"found no file {args.xray}: need an X-ray, a PNG, JPEG, WebP, TIFF or DICOM file")
    started = time.monotonic()
    out = args.out
    if args.xray and args.xray.resolve().is_relative_to(out.resolve()):
        raise DataError(
            f"{args.xray} lies in {out}, which is emptied first: copy it elsewhere, or choose another --out"
        )
    if args.xray:
        try:
            find_format(args.xray.read_bytes())
        except RequestError as error:
            raise DataError(f"{args.xray}: {error}") from None
    _empty(out)
    with stop_signals():
        xray = args.xray or out / "phantoms/test/COVID-19"
        if args.train:
            model = out / "run"
            few = [] if args.epochs is None else ["--fpae-epochs", args.epochs, "--cin-epochs", args.epochs]
            _step("X-ray-like images to learn from", "phantoms", out / "phantoms", "--per-class", args.per_class)
            _step("train", "train", out / "phantoms", "--recipe", "quick", "--out", model, *few)
        else:
            model = PRETRAINED
            if args.xray is None:
                _step("an X-ray-like image to ask about", "phantoms", out / "phantoms", "--per-class", 4)
        _step("artefacts", "export", model, "--out", out / "artefacts")
        _step("archive for TorchServe", "archive", out / "artefacts", "--out", out / "model-store")
        if args.xray is None:
            xray = min(xray.glob("*.png"))
        port, management_port, metrics_port = free_ports(3)
        _say("TorchServe, on free ports", f"coronet serve --model-store {out / 'model-store'}")
        with torchserve(
            out / "model-store",
            TORCHSERVE_CONFIG,
            port=port,
            management_port=management_port,
            metrics_port=metrics_port,
            state=out / "server",
            progress=print,
        ) as server:
            print(f"the model answers at {server.url}")
            connection = ("--url", server.url, "--token-file", out / "server/key_file.json")
            _step("prediction over HTTP", "predict", xray, *connection)
            explanation = ("--method", METHODS, "--out", out / "explanation")
            _step("explanation over HTTP", "explain", xray, *explanation, *connection)
    _finish(xray, out, time.monotonic() - started, generated=args.xray is None)
    return 0


def _step(title: str, *command: object) -> None:
    """Show and run one `coronet` command; raises when it fails."""
    from cli.main import parse

    argv = [str(word) for word in command]
    _say(title, shlex.join(["coronet", *argv]))
    args = parse(argv)
    status = args.run(args)
    if status != 0:
        raise ServerError(f"the demo stops, because 'coronet {argv[0]}' failed (see above)")


def _say(title: str, command: str) -> None:
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    console.print(f"\n{title}", style="bold", markup=False)
    console.print(f"$ {command}", style="dim", markup=False)  # a path may hold what rich takes for markup


def _finish(xray: Path, out: Path, seconds: float, *, generated: bool) -> None:
    """What has been shown, and what to do next."""
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    console.print(f"\n[bold green]done in {seconds:.0f} s; TorchServe is down[/bold green]")
    for picture in sorted((out / "explanation").glob("*.png")):
        console.print(f"  {picture}", markup=False)
    if generated:
        console.print(f"{xray.name} is a generated phantom. For an X-ray of yours: coronet demo --xray path/to/file")
    serve = shlex.join(["coronet", "serve", "--model-store", str(out / "model-store")])
    console.print(f"For a server that keeps running: {serve}", markup=False)


def _empty(directory: Path) -> None:
    """An empty working directory, unless what lies there is not a demo's."""
    mark = directory / _MARK
    if directory.exists() and not mark.is_file() and (not directory.is_dir() or any(directory.iterdir())):
        raise DataError(f"{directory} exists and is no earlier demo's: choose another directory with --out")
    if directory.exists():
        shutil.rmtree(directory)
    directory.mkdir(parents=True)
    mark.touch()
