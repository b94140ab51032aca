"""The HTTP client of a CoroNet server (TorchServe with coronet.mar): images in, dictionaries out.

It needs `requests` and nothing else of weight: no torch, no numpy, no Pillow.
"""

from __future__ import annotations

import json
import mimetypes
import struct
import time
import zlib
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from uuid import uuid4

import requests

from client import size_check
from client.addresses import DEFAULT_URL, is_local
from client.keys import BearerToken, key_refused, renew
from client.multipart import DICOM_OBJECTS, split_parts
from client.refusals import connection_error, response_error, too_large
from client.tokens import TokenSource
from model_src.errors import Overloaded, RequestError, ServerError
from model_src.model_names import ABANDON_FIELD, EXPLAIN_MODEL, REQUEST_HEADER
from model_src.time_limits import CONNECT, PREDICT_PATIENCE, RETRY_WAITS


class CoroNetClient:
    """Predictions and explanations from the server at `url`.

    Args:
        url: the inference address, e.g. "http://127.0.0.1:8080".
        token: inference token, or where to read it (client.tokens.find_token).
        timeout: seconds to wait for one response, queueing included.
        patient: whether to try again while the server is busy or being restarted; False for a caller that does so.

    Every method raises
        RequestError: the server refused this one request (InvalidImage, InvalidRequest, ImageTooLarge,
            UnsupportedImage: the classes the server itself uses), could not answer it (InternalError), or has no time
            for it (Overloaded: its queue is full, or nothing came within `timeout`);
        ServerError: the server cannot be reached, is not a CoroNet server, or refused the token. One that has
            answered this client before is first given time to be restarted.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        token: str | TokenSource | None = None,
        timeout: float = PREDICT_PATIENCE,
        *,
        patient: bool = True,
    ):
        self.url = url.rstrip("/")
        self.timeout = timeout
        self._patient = patient
        self._token = token if isinstance(token, TokenSource) else TokenSource(value=token)
        self._has_explainers = True  # until the server says that it has none
        self._met = False  # whether the server has ever answered
        self._session = requests.Session()
        # A proxy meant for the internet must not get requests to this machine.
        self._session.trust_env = not is_local(self.url)

    def predict(self, image: bytes, name: str = "") -> dict[str, Any]:
        """Classify one image file.

        Args:
            image: the file's bytes (PNG, JPEG, WebP, TIFF or DICOM).
            name: its name; only the ending is used, for the content type. Names are never sent.

        Returns:
            The server's response: label, probabilities, residual, image, warnings, ...
        """
        headers = {"Content-Type": _content_type(name)}
        return self._json(self._post("/predictions/coronet", data=image, headers=headers))

    def explain(
        self, image: bytes, name: str = "", *, request_id: str | None = None, **options: str | int | float
    ) -> dict[str, Any]:
        """Explain one image file's classification.

        Args:
            image, name: as for predict.
            request_id: 32 hexadecimal digits, for whoever may `abandon` it from another thread.
            options: request fields such as method, target, steps, seed (docs/reference/explanation-options.md).

        Returns:
            The server's response: heatmap (rows of values in [0, 1]), *_png (base64), faithfulness, ...
        """
        fields = {key: str(value) for key, value in options.items()}
        files = {"data": ("image", image, _content_type(name))}
        return self._json(self._explain(fields, files, request_id))

    def predict_dicom(self, film: bytes) -> dict[str, bytes]:
        """Classify one DICOM film; the answer is DICOM.

        Returns:
            Files by name: "report", a structured report of the film's own study (docs/reference/dicom-objects.md).

        Raises:
            NotAcceptable: besides what every method raises: the film is no DICOM file or names no study, or this
                server makes no DICOM.
        """
        headers = {"Content-Type": "application/dicom", "Accept": DICOM_OBJECTS}
        return self._objects(self._post("/predictions/coronet", data=film, headers=headers))

    def explain_dicom(
        self, film: bytes, *, request_id: str | None = None, **options: str | int | float
    ) -> dict[str, bytes]:
        """Explain one DICOM film's classification; the answer is DICOM.

        Args:
            film: the file's bytes.
            request_id, options: as for explain.

        Returns:
            Files by name: "report", "map", "picture" and, where there is a region to draw, "outline".

        Raises:
            NotAcceptable: as for predict_dicom.
        """
        fields = {key: str(value) for key, value in options.items()}
        files = {"data": ("image", film, "application/dicom")}
        return self._objects(self._explain(fields, files, request_id, accept=DICOM_OBJECTS))

    def check(self) -> None:
        """Ask for a small prediction and a small explanation, and raise if there is none; /ping asks no model."""
        self._json(self._post("/predictions/coronet", data=gray_png(), patient=False))
        fields = {"method": "saliency", "score_steps": "4"}
        self._json(self._explain(fields, {"data": ("image", gray_png(), "image/png")}, patient=False))

    def ready(self) -> bool:
        """True when the model answers, in each worker pool that the server has."""
        try:
            self.check()
        except (RequestError, ServerError):
            return False
        return True

    def abandon(self, request_id: str) -> None:
        """Tell the server that nobody waits for this explanation any more: it is not begun, or ends where it is.

        TorchServe does not notice that a caller has gone; its worker would go on to the end. Servers that do not know
        the message, or cannot be reached, are left alone.
        """
        with suppress(requests.RequestException, ServerError):
            token = self._token.read()
            self._session.post(
                self.url + "/predictions/coronet",
                json={ABANDON_FIELD: request_id},
                auth=BearerToken(token) if token else None,
                timeout=(CONNECT, CONNECT),
            )

    def _explain(
        self,
        fields: Mapping[str, str],
        files: Mapping[str, tuple[str, bytes, str]],
        request_id: str | None = None,
        *,
        accept: str = "*/*",
        patient: bool = True,
    ) -> requests.Response:
        """The response of the workers that only explain, else, on a server without them, of those that do both."""
        headers = {REQUEST_HEADER: request_id or uuid4().hex, "Accept": accept}
        if self._has_explainers:
            path = f"/explanations/{EXPLAIN_MODEL}"
            response = self._post(path, data=fields, headers=headers, files=files, patient=patient)
            if response.status_code != 404:  # TorchServe's, for an unknown model; or a proxy's
                return response
            self._has_explainers = False
        return self._post("/explanations/coronet", data=fields, headers=headers, files=files, patient=patient)

    def _post(
        self,
        path: str,
        *,
        data: bytes | Mapping[str, str],
        headers: Mapping[str, str] | None = None,
        files: Mapping[str, tuple[str, bytes, str]] | None = None,
        patient: bool = True,
    ) -> requests.Response:
        """The response to a POST, of any status; 503 and a lost server (if `patient`) and an expired token: a new try.

        A server that stops may drop requests; a second try does no harm, since nothing on the server changes.
        """
        waits = list(RETRY_WAITS) if patient and self._patient else []
        may_renew = True
        while True:
            try:
                token = self._token.read()  # a server that is being restarted has none for a while
                response = self._send(path, token, data=data, headers=headers, files=files)
            except ServerError:
                if not (self._met and waits):
                    raise
                time.sleep(waits.pop(0))
                continue
            self._met = True
            if response.status_code == 503 and waits:
                time.sleep(waits.pop(0))
            elif may_renew and key_refused(response) and self._renewed(token):
                may_renew = False
            else:
                return response

    def _send(
        self,
        path: str,
        token: str | None,
        *,
        data: bytes | Mapping[str, str],
        headers: Mapping[str, str] | None,
        files: Mapping[str, tuple[str, bytes, str]] | None,
    ) -> requests.Response:
        """The response to one POST.

        Raises:
            Overloaded: it takes too long.
            ImageTooLarge: the server does not take so much, and says so before or while it is sent.
            ServerError: there is no connection.
        """
        auth = BearerToken(token) if token else None
        size = len(data) if isinstance(data, bytes) else sum(len(content) for _, content, _ in (files or {}).values())
        if size > size_check.USUAL_LIMIT and self._refuses(path, size, token):
            raise too_large(size)
        try:
            return self._session.post(
                self.url + path, data=data, headers=headers, files=files, auth=auth, timeout=(CONNECT, self.timeout)
            )
        except KeyboardInterrupt:
            self._abandon_if_explained(headers)
            raise
        except requests.Timeout as error:
            self._abandon_if_explained(headers)
            raise Overloaded(
                f"no answer from {self.url} within {self.timeout:g} s: the server is busy; "
                "allow more with --timeout, or ask for fewer steps"
            ) from error
        except requests.RequestException as error:
            if size > size_check.SUSPICIOUS and self._refuses(path, size, token):
                raise too_large(size) from None
            raise connection_error(self.url, error) from None

    def _refuses(self, path: str, size: int, token: str | None) -> bool:
        return size_check.refuses(self.url, path, size, {"Authorization": f"Bearer {token}"} if token else {})

    def _abandon_if_explained(self, headers: Mapping[str, str] | None) -> None:
        if headers and REQUEST_HEADER in headers:
            self.abandon(headers[REQUEST_HEADER])

    def _renewed(self, refused: str | None) -> bool:
        """True when the token's file holds, or can be made to hold, another token than the `refused` one."""
        if self._token.file is None:
            return False
        if self._token.read() != refused:
            return True
        return renew(self._token, "inference") and self._token.read() != refused

    def _json(self, response: requests.Response) -> dict[str, Any]:
        """The JSON object of a good response; raises what a bad one says."""
        try:
            body = json.loads(response.content)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            body = {}
        if response.ok and body:
            return body
        raise response_error(response, str(body.get("type", "")), str(body.get("message", "")), self.url, self._token)

    def _objects(self, response: requests.Response) -> dict[str, bytes]:
        """The parts of a good response; raises what a bad one says."""
        if not response.ok:
            self._json(response)
        return split_parts(response.headers.get("Content-Type", ""), response.content)


def _content_type(name: str) -> str:
    """Content type by the file name's ending; never text or JSON, which TorchServe would decode as such."""
    guess = "application/dicom" if name.lower().endswith(".dcm") else mimetypes.guess_type(name)[0] or ""
    return guess if guess.startswith("image/") or guess == "application/dicom" else "application/octet-stream"


def gray_png(size: int = 64) -> bytes:
    """A PNG of a gray ramp, `size` x `size` pixels, 8 bits: the smallest question to ask a model."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    row = b"\0" + bytes(255 * x // (size - 1) for x in range(size))
    header = struct.pack(">IIBBBBB", size, size, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(row * size)) + chunk(b"IEND", b"")
    )
