"""A small server that answers as the contract says, so that the client is tested without TorchServe."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

PREDICTION = {
    "model": "coronet",
    "model_version": "1.0",
    "label": "COVID-19",
    "probabilities": {"Healthy": 0.02, "Pneumonia": 0.10, "COVID-19": 0.88},
    "residual": {"healthy": 0.0184, "pneumonia": 0.0329},
    "image": {"format": "PNG", "width": 8, "height": 8},
    "warnings": ["research use only, not for diagnosis", "the image is small"],
}


def png(color: str = "red") -> bytes:
    """A small picture."""
    buffer = io.BytesIO()
    Image.new("RGB", (8, 6), color).save(buffer, format="PNG")
    return buffer.getvalue()


EXPLANATION = {
    "model": "coronet",
    "label": "COVID-19",
    "probabilities": PREDICTION["probabilities"],
    "method": "saliency",
    "target": "COVID-19",
    "steps": 1,
    "sign": "larger = matters more",
    "heatmap": [[0.0, 1.0], [0.5, 0.25]],
    "heatmap_png": base64.b64encode(png("white")).decode(),
    "overlay_png": base64.b64encode(png("red")).decode(),
    "residual_healthy_png": base64.b64encode(png("blue")).decode(),
    "target_probability": {"original": 0.88, "perturbed": 0.05},
    "faithfulness": {"deletion": 0.21, "insertion": 0.80},
    "warnings": ["research use only, not for diagnosis"],
}


@dataclass
class Request:
    """What the fake server received."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class FakeServer:
    """The fake's address, what it received, and what it will answer: (status, JSON or bytes) per request.

    When `answers` is used up: the prediction or explanation above, if the token is `token`.
    """

    url: str = ""
    token: str = "secret"
    requests: list[Request] = field(default_factory=list)
    answers: list[tuple[int, Any]] = field(default_factory=list)
    on_request: Callable[[Request], None] = lambda request: None

    def answer(self, request: Request) -> tuple[int, Any]:
        self.requests.append(request)
        self.on_request(request)
        if self.answers:
            return self.answers.pop(0)
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return 400, {"code": 400, "type": "InvalidKeyException", "message": "Token Authorization failed."}
        if request.path.startswith("/explanations/"):
            method = request.body.partition(b'name="method"\r\n\r\n')[2].partition(b"\r\n")[0].decode()
            return 200, {**EXPLANATION, "method": method}
        return 200, PREDICTION


@pytest.fixture
def fake_server() -> Iterator[FakeServer]:
    """A running FakeServer."""
    fake = FakeServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("content-length", 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, answer = fake.answer(Request(self.command, self.path, headers, self.rfile.read(length)))
            body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(BrokenPipeError):  # a client that did not wait
                self.wfile.write(body)

        do_GET = do_PUT = do_POST

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    fake.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield fake
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def xray_png(tmp_path: Path) -> Path:
    """A picture on disk."""
    path = tmp_path / "xray.png"
    path.write_bytes(png("gray"))
    return path
