"""From a film's C-STORE to its results in the PACS: a real Orthanc, a real TorchServe, and `coronet pacs` between them.

    python -m benchmarks.pacs_benchmark [--per-minute 1,10] [--seconds 300] [--method grad_cam] [--out build/bench/pacs]

Films come at even distances. The clock runs from before the association that sends a film until Orthanc lists the
film's report, which is sent after its other results; Orthanc is asked every 50 ms. Beside it: the same explanation by
HTTP, and a prediction as JSON, one after the other on the same server, once the last film is done. Each rate has as
many films as come in --seconds, one at least. Orthanc: sudo apt install orthanc orthanc-dicomweb.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import requests

from benchmarks.errors import errors_in_one_line
from benchmarks.shipped import pack
from benchmarks.train_benchmark import processor
from client.load import Load
from launcher.server import Server, torchserve
from launcher.torchserve_config import free_ports
from phantoms.generate import make_phantom
from tests.e2e.pacs_node import PacsNode, wait_for
from tests.fixtures.films import film_uid, send
from tests.fixtures.orthanc import MISSING, Orthanc
from tests.image_writers import write_dicom

_ROOT = Path(__file__).parents[1]
_PATIENCE = 600.0  # seconds for one film


@errors_in_one_line()
def main() -> int:
    """Measure; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--per-minute", type=lambda text: [float(part) for part in text.split(",")], default=[1.0, 10.0]
    )
    parser.add_argument("--seconds", type=float, default=300.0, help="for each rate")
    parser.add_argument("--method", default="grad_cam")
    parser.add_argument("--side", type=int, default=2048, help="pixels of a film")
    parser.add_argument("--run", type=Path, default=Path("archive/pretrained"))
    parser.add_argument("--out", type=Path, default=Path("build/bench/pacs"))
    args = parser.parse_args()
    if shutil.which("Orthanc", path="/usr/sbin:/usr/bin:/usr/local/bin") is None:
        print(MISSING, file=sys.stderr)
        return 1
    args.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="pacs-") as temporary:
        rows = _measure(args, Path(temporary))
    report = {"machine": processor(), "method": args.method, "side": args.side, "rows": rows}
    (args.out / "pacs.json").write_text(json.dumps(report, indent=2) + "\n")
    print(f"{processor()}, films of {args.side} x {args.side} pixels, {args.method}\n")
    print("| | films | median | p95 |\n| --- | --- | --- | --- |")
    for row in rows:
        print(f"| {row['what']} | {row['films']} | {row['median']:.2f} s | {row['p95']:.2f} s |")
    return 0


def _measure(args: argparse.Namespace, folder: Path) -> list[dict[str, Any]]:
    _, store = pack(args.run, folder)
    port, management_port, metrics_port = free_ports(3)
    orthanc = Orthanc(folder / "orthanc")
    with torchserve(
        store,
        _ROOT / "config.properties",
        port=port,
        management_port=management_port,
        metrics_port=metrics_port,
        state=folder / "server",
    ) as server:
        node = _node(folder, server, orthanc, args.method)
        try:
            orthanc.start()
            node.start()
            films = _Films(args.side)
            _until_result(node, orthanc, films)  # everything is loaded once
            rows = [
                _row(
                    f"film in to result in the PACS, {rate:g} a minute",
                    _at_rate(rate, args.seconds, node, orthanc, films),
                )
                for rate in args.per_minute
            ]
        finally:
            node.stop()
            orthanc.stop()
        client, data = server.client(), films.next()[1]
        rows.append(
            _row(
                "the same explanation by HTTP",
                [_timed(lambda: client.explain_dicom(data, method=args.method)) for _ in range(10)],
            )
        )
        rows.append(_row("a prediction by HTTP, as JSON", [_timed(lambda: client.predict(data)) for _ in range(20)]))
    return rows


def _node(folder: Path, server: Server, orthanc: Orthanc, method: str) -> PacsNode:
    key = json.loads(server.token.file.read_text())["inference"]["key"] if server.token.file else ""
    dicom = {"host": "127.0.0.1", "port": orthanc.port, "ae_title": orthanc.title}
    node = PacsNode(folder, server.url, [{"name": "pacs", "dicom": dicom}], token=key)
    node.settings["explanation"] = {"method": method}
    return node


class _Films:
    """Generated chests as CR of 12 bits, each of a study of its own."""

    def __init__(self, side: int) -> None:
        small = make_phantom(2, seed=1, size=512).image.astype(np.float32)
        repeats = max(1, side // 512)
        self._samples = np.kron(small, np.ones((repeats, repeats), np.float32)).astype(np.uint16) * 16
        self._count = 0

    def next(self) -> tuple[str, bytes]:
        """Study Instance UID and file of a new film."""
        self._count += 1
        study = f"1.2.826.0.1.3680043.8.498.9.{self._count}"
        header: dict[str, Any] = {
            "ViewPosition": "PA",
            "StudyInstanceUID": study,
            "SeriesInstanceUID": f"{study}.1",
            "SOPInstanceUID": film_uid(self._count),
        }
        return study, write_dicom(self._samples, BitsStored=12, **header)


def _until_result(node: PacsNode, orthanc: Orthanc, films: _Films) -> float:
    """Seconds from sending a film until its report is in Orthanc."""
    study, data = films.next()
    begun = time.perf_counter()
    if send(node.port, [data]) != [0]:
        raise RuntimeError(f"the node did not take a film: {node.told()}")
    query = {"Level": "Series", "Query": {"StudyInstanceUID": study, "Modality": "SR"}}
    wait_for(lambda: requests.post(f"{orthanc.url}/tools/find", json=query, timeout=10).json(), _PATIENCE, node.told())
    return time.perf_counter() - begun


def _at_rate(per_minute: float, seconds: float, node: PacsNode, orthanc: Orthanc, films: _Films) -> list[float]:
    """The seconds of films that come at even distances, whether or not the one before is done."""
    count = max(1, int(seconds * per_minute / 60))
    begun = time.perf_counter()
    with ThreadPoolExecutor(count) as pool:
        waiting = []
        for number in range(count):
            time.sleep(max(0.0, begun + number * 60 / per_minute - time.perf_counter()))
            waiting.append(pool.submit(_until_result, node, orthanc, films))
        return [each.result() for each in waiting]


def _timed(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def _row(what: str, seconds: list[float]) -> dict[str, Any]:
    load = Load(1, sum(seconds), sorted(seconds), [])
    return {
        "what": what,
        "films": len(seconds),
        "median": load.percentile(50),
        "p95": load.percentile(95),
        "all": seconds,
    }


if __name__ == "__main__":
    sys.exit(main())
