"""A stand-in for TorchServe whose answers a test decides: what it says, how long it takes, whether it is there."""

from __future__ import annotations

import base64
import json
import threading
import time
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

from model_src.errors import InvalidImage, RequestError
from model_src.imaging.formats import read_image
from outputs.residual_png import residual_png

METHODS = ("meaningful_perturbation", "saliency", "grad_cam")
GRID = 28
HOT_ROW, HOT_COLUMN = 7, 20  # the one cell of every map that is 1; all others are 0
RESIDUAL_SIDE = 64
RESIDUAL_SQUARE = (16, 32)  # where both residual images are bright: rows and columns from, to


@dataclass
class Behaviour:
    """What the stand-in does from now on."""

    predict_seconds: float = 0.0
    explain_seconds: float = 0.0  # set to 0, it ends those that run as well
    away: bool = False  # answers 503 to everything, as a server does that has no worker
    refuse_explanations: str = ""  # why
    prediction: dict[str, Any] = field(default_factory=dict)  # fields put over the usual ones
    abandoned: list[str] = field(default_factory=list)
    explained: list[dict[str, str]] = field(default_factory=list)  # fields of each explanation asked for


class FakeModel:
    """The server, on a free port of the loopback."""

    def __init__(self) -> None:
        self.behaviour = Behaviour()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self.server.shutdown()
        self.server.server_close()


def _prediction(image: bytes, behaviour: Behaviour) -> dict[str, Any]:
    decoded = read_image(image)
    height, width = decoded.pixels.shape
    usual = {
        "model": "coronet",
        "model_version": "1.0",
        "label": "COVID-19",
        "probabilities": {"Healthy": 0.02, "Pneumonia": 0.1, "COVID-19": 0.88},
        "residual": {"healthy": 0.0184, "pneumonia": 0.0329},
        "image": {"format": decoded.format, "width": width, "height": height},
        "warnings": ["research use only, not for diagnosis", *decoded.warnings],
    }
    return usual | behaviour.prediction


@cache
def _residuals() -> str:
    residuals = np.zeros((3, RESIDUAL_SIDE, RESIDUAL_SIDE), np.float32)
    square = slice(*RESIDUAL_SQUARE)
    residuals[0, square, square] = 0.2
    residuals[1, square, square] = 0.1
    return base64.b64encode(residual_png(residuals)).decode("ascii")


def _explanation(image: bytes, fields: dict[str, str], behaviour: Behaviour) -> dict[str, Any]:
    prediction = _prediction(image, behaviour)
    target = fields.get("target", prediction["label"])
    heatmap = np.zeros((GRID, GRID))
    heatmap[HOT_ROW, HOT_COLUMN] = 1
    return prediction | {
        "method": fields["method"],
        "target": target,
        "steps": 20,
        "seed": 0,
        "sign": f"removing it lowers the probability of {target}",
        "heatmap": heatmap.tolist(),
        "residual_png": _residuals(),
        "target_probability": {"original": prediction["probabilities"][target], "perturbed": 0.05},
        "faithfulness": {"deletion": 0.21, "insertion": 0.8},
        "details": {},
    }


def _handler(model: FakeModel) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            behaviour = model.behaviour
            if behaviour.away:
                self._say(503, {"code": 503, "type": "ServiceUnavailable", "message": "no worker is ready"})
            elif self.path.startswith("/explanations/"):
                fields, image = _form(body, self.headers["Content-Type"])
                behaviour.explained.append(fields)
                self._wait(behaviour, self.headers["X-CoroNet-Request"])
                if behaviour.refuse_explanations:
                    self._say(400, {"code": 400, "type": "InvalidRequest", "message": behaviour.refuse_explanations})
                else:
                    self._answer(lambda: _explanation(image, fields, behaviour))
            elif self.headers["Content-Type"].startswith("application/json"):
                behaviour.abandoned.append(json.loads(body)["abandon"])
                self._say(200, {})
            else:
                time.sleep(behaviour.predict_seconds)
                self._answer(lambda: _prediction(body, behaviour))

        def _wait(self, behaviour: Behaviour, name: str) -> None:
            started = time.monotonic()
            while time.monotonic() - started < behaviour.explain_seconds and name not in behaviour.abandoned:
                time.sleep(0.02)

        def _answer(self, make: Any) -> None:
            try:
                self._say(200, make())
            except RequestError as error:
                status = 400 if isinstance(error, InvalidImage) else 415
                self._say(status, {"code": status, "type": type(error).__name__, "message": str(error)})

        def _say(self, status: int, fields: dict[str, Any]) -> None:
            body = json.dumps(fields).encode()
            try:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except ConnectionError:  # whoever asked has gone
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing."""

    return Handler


def _form(body: bytes, content_type: str) -> tuple[dict[str, str], bytes]:
    """The fields and the image of a multipart body."""
    boundary = b"--" + content_type.split("boundary=")[1].encode()
    fields, image = {}, b""
    for part in body.split(boundary)[1:-1]:
        head, _, content = part[2:-2].partition(b"\r\n\r\n")
        name = head.split(b'name="')[1].split(b'"')[0].decode()
        if name == "data":
            image = content
        else:
            fields[name] = content.decode()
    return fields, image
