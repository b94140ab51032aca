"""A finished run small enough to commit: weights in half precision, settings, history and metrics.

    python -m train.runs.publish RUN_DIR OUT_DIR [--report REPORT_DIR [--earlier-models N] [--remark TEXT]]

OUT_DIR is a run folder again: `coronet export`, `coronet evaluate` and `--tfen` take it. It has no calibration.json
and no certificate.json, which are of the weights before they were halved: `coronet calibrate OUT_DIR DATA_DIR` and
`coronet certify OUT_DIR DATA_DIR --boxes FILE` make them. With --report, the figures of a `coronet evaluate` report on
the published weights are written into its metrics. Where earlier models were evaluated on the same films, and this one
was made to mend what they got wrong, say how many: the model card says it. So it says what else readers of the figures
have to know (--remark).
"""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from model_src.artefacts import OPTIONAL
from model_src.atomic import atomic_directory, atomic_write
from model_src.errors import CoroNetError, RunError
from model_src.file_digest import file_digest
from train.runs.run_folder import AUTOENCODERS, RunFolder, load_model, tensor_bytes

_FACTS = ("run.json", "metrics.json", "history.csv")
_STAGES = (*(f"fpae_{name}" for name in AUTOENCODERS), "cin")


def publish_run(run_dir: Path, out_dir: Path) -> None:
    """Write `run_dir` to `out_dir` with half-precision weights.

    Raises:
        RunError: the run is not whole, or `out_dir` holds something that is not an earlier published run.
    """
    _check_target(out_dir)
    run = RunFolder(run_dir)
    load_model(run)
    with atomic_directory(out_dir) as temporary:
        for name in _FACTS:
            shutil.copyfile(run.path / name, temporary / name)
        for stage in _STAGES:
            weights = run.load_weights(stage)
            halved = {name: value.half() if value.is_floating_point() else value for name, value in weights.items()}
            for name, value in halved.items():
                if value.is_floating_point() and not value.isfinite().all():
                    raise RunError(f"{run_dir}: {stage} {name} does not fit half precision; publish it in float32")
            (temporary / f"{stage}.pt").write_bytes(tensor_bytes(halved))


def _check_target(out_dir: Path) -> None:
    ours = {*_FACTS, *OPTIONAL, *(f"{stage}.pt" for stage in _STAGES)}
    others = sorted({path.name for path in out_dir.iterdir()} - ours) if out_dir.is_dir() else []
    if others or (out_dir.exists() and not out_dir.is_dir()):
        found = ", ".join(others[:3]) or "a file"
        raise RunError(f"{out_dir}: would be replaced, and is no published run (found {found}); name a new folder")


def record_report(out_dir: Path, report_dir: Path, earlier_models: int = 0, remarks: Sequence[str] = ()) -> None:
    """Add the figures of an evaluation of `out_dir` to its metrics.json, as `test`, without the maker's paths.

    Args:
        out_dir: a published run.
        report_dir: of `coronet evaluate`.
        earlier_models: how many other models were evaluated on the same films before this one was made.
        remarks: what readers of the figures have to know, a paragraph each.

    Raises:
        RunError: no report, or one of other weights.
    """
    try:
        figures = json.loads((report_dir / "metrics.json").read_text(encoding="utf-8"))
        model = figures["model"]
    except (FileNotFoundError, KeyError, TypeError, ValueError) as error:
        raise RunError(
            f"{report_dir}: metrics.json is missing or not of an evaluation; need a folder written by coronet evaluate"
        ) from error
    run = RunFolder(out_dir)
    for stage in _STAGES:
        path = run.weights_path(stage)
        if model.get("sha256", {}).get(path.name) != file_digest(path):
            raise RunError(f"{report_dir}: an evaluation of other weights than {path}; evaluate {out_dir} first")
    figures["command"] = _anybodys(figures.get("command", ""))
    model.pop("path", None)
    figures |= {"earlier_models": earlier_models, "remarks": list(remarks)}
    with atomic_write(out_dir / "metrics.json") as temporary:
        temporary.write_text(json.dumps(run.read_metrics() | {"test": figures}, indent=2) + "\n", encoding="utf-8")


def _anybodys(command: str) -> str:
    """A `coronet evaluate MODEL DATA_DIR ... --option ...` as others can type it, without the maker's folders."""
    words = shlex.split(command)
    first_option = next((at for at, word in enumerate(words) if word.startswith("--")), len(words))
    given = words[3:first_option]
    names = {word: "DATA_DIR" if len(given) == 1 else f"DATA_DIR_{number}" for number, word in enumerate(given, 1)}
    if "--out" in words[:-1]:
        names[words[words.index("--out") + 1]] = "REPORT_DIR"
    return shlex.join(_shown(word, names) for word in words)


def _shown(word: str, names: Mapping[str, str]) -> str:
    for folder, name in names.items():
        if Path(word).is_relative_to(folder):
            return (Path(name) / Path(word).relative_to(folder)).as_posix()
    return Path(word).name if Path(word).is_absolute() else word


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run_dir", type=Path)
    parser.add_argument("out_dir", type=Path)
    parser.add_argument("--report", type=Path)
    parser.add_argument("--earlier-models", type=int, default=0, metavar="N", help="seen by the same test films")
    parser.add_argument("--remark", action="append", default=[], metavar="TEXT", help="of the figures, for the card")
    args = parser.parse_args()
    if args.earlier_models < 0 or ((args.earlier_models or args.remark) and not args.report):
        parser.error("--earlier-models must be at least 0, and goes with --report, as --remark does")
    try:
        if args.report:
            record_report(args.out_dir, args.report, args.earlier_models, args.remark)
        else:
            publish_run(args.run_dir, args.out_dir)
    except (CoroNetError, OSError) as error:
        print(f"publish: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
