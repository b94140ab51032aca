"""The page's server: every address it answers at. docs/reference/web.md has the table.

Films pass through memory and are written nowhere; names of files are used for their ending alone.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from client.prometheus_text import CONTENT_TYPE
from client.verdicts import VerdictCounts
from model_src.errors import CoroNetError, InvalidRequest, ServerError
from web.about import About
from web.answers import error_answer, failure
from web.asking import Explanations, predict
from web.figures import Figures
from web.film import read_film
from web.guards import Guards
from web.lanes import BrowserGone, Lane
from web.report.make import FORMATS, make_report
from web.uploads import LARGEST_FILM, LARGEST_REPORT, LARGEST_VERDICT, Uploads
from web.upstream import Upstream
from web.verdicts import read_verdict

logger = logging.getLogger(__name__)

STATIC = Path(__file__).parent / "static"
# What an explanation's query may not hold: the film is the body, the answer JSON.
_NO_OPTIONS = {"self", "image", "name", "request_id", "data", "body", "instances", "format"}
_GONE = 499  # never read by anybody; nginx' number for it
Endpoint = Callable[[Request], Awaitable[Response]]


class Web:
    """What the endpoints share."""

    def __init__(self, upstream: Upstream, methods: Sequence[str] = ()) -> None:
        self.upstream = upstream
        self.about = About(upstream, methods)
        self.uploads = Uploads()
        self.figures = Figures()
        self.verdicts = VerdictCounts()
        self.lanes = {
            "films": Lane("films", at_once=2, waiting=30),
            "predictions": Lane("predictions", at_once=8, waiting=56),
            "explanations": Lane("explanations", at_once=16, waiting=48),
            "reports": Lane("reports", at_once=1, waiting=7),
            "descriptions": Lane("descriptions", at_once=2, waiting=200),
        }
        for name, lane in self.lanes.items():
            self.figures.watch(name, partial(len, lane))
        self.explanations = Explanations(upstream, self.lanes["explanations"])

    async def describe(self, request: Request) -> Response:
        """GET /api/about."""
        return JSONResponse(await self.lanes["descriptions"].run(self.about.read))

    async def film(self, request: Request) -> Response:
        """POST /api/film."""
        async with self.uploads.body(request, LARGEST_FILM, "film") as image:
            film = await self.lanes["films"].run_while_read(request, partial(read_film, image))
        height, width = film.pixels.shape
        headers = {
            "X-Film-Width": str(width),
            "X-Film-Height": str(height),
            "X-Film-Facts": quote(json.dumps(film.facts)),
        }
        return Response(film.pixels.tobytes(), 200, headers, "application/octet-stream")

    async def predict(self, request: Request) -> Response:
        """POST /api/predict."""
        self._refuse_while_starting()
        async with self.uploads.body(request, LARGEST_FILM, "film") as image:
            ask = partial(predict, self.upstream, image, _file_name(request))
            return JSONResponse(await self.lanes["predictions"].run_while_read(request, ask))

    async def explain(self, request: Request) -> Response:
        """POST /api/explain?method=...&target=...; the query takes every option of an explanation."""
        self._refuse_while_starting()
        options = dict(request.query_params)
        if others := sorted(_NO_OPTIONS & options.keys()):
            raise InvalidRequest(f"{others[0]}: no such field of an explanation here: docs/reference/web.md")
        async with self.uploads.body(request, LARGEST_FILM, "film") as image:
            started = time.monotonic()
            answer = await self.explanations.ask(request, image, _file_name(request), options)
            self.about.explained(str(answer.get("method", "")), time.monotonic() - started)
            return JSONResponse(answer)

    def _refuse_while_starting(self) -> None:
        if self.about.starting:
            raise ServerError(self.about.starting)

    async def verdict(self, request: Request) -> Response:
        """POST /api/verdicts."""
        async with self.uploads.body(request, LARGEST_VERDICT, "verdict") as body:
            verdict = read_verdict(body)
        if not self.about.served(verdict.model):
            verdict = replace(verdict, model="")
        self.verdicts.count(verdict)
        return Response(status_code=204)

    async def report(self, request: Request) -> Response:
        """POST /api/report?format=html|pdf."""
        kind = request.query_params.get("format", "")
        if kind not in FORMATS:
            raise InvalidRequest(f"format: found {kind[:20]!r}, need {' or '.join(FORMATS)}")
        async with self.uploads.body(request, LARGEST_REPORT, "report") as body:
            content, media_type = await self.lanes["reports"].run_while_read(request, partial(make_report, body, kind))
        # A file to be saved: words that came from outside are never shown as a page of ours.
        headers = {"Content-Disposition": f'attachment; filename="coronet-report.{kind}"'}
        return Response(content, 200, headers, media_type)

    async def metrics(self, request: Request) -> Response:
        """GET /metrics."""
        return Response(self.figures.prometheus() + self.verdicts.prometheus(), media_type=CONTENT_TYPE)


def make_app(web: Web, hosts: Collection[str]) -> Starlette:
    """The ASGI server.

    Args:
        web: what it answers with.
        hosts: the host names, in small letters, by which browsers may call it.
    """

    def answering(kind: str, endpoint: Endpoint) -> Endpoint:
        """Failures as JSON, everything counted."""

        async def answer(request: Request) -> Response:
            started = time.monotonic()
            try:
                response = await endpoint(request)
            except CoroNetError as error:
                response = failure(error)
            except BrowserGone:
                if kind == "explain":
                    web.figures.cancelled()
                response = Response(status_code=_GONE)
            web.figures.answered(kind, response.status_code, time.monotonic() - started)
            return response

        return answer

    async def page(request: Request) -> Response:
        return FileResponse(STATIC / "index.html", headers={"Cache-Control": "no-cache"})

    posts = {"film": web.film, "predict": web.predict, "explain": web.explain}
    posts |= {"verdicts": web.verdict, "report": web.report}
    routes = [
        Route("/", page),
        Route("/api/about", answering("about", web.describe)),
        *(Route(f"/api/{kind}", answering(kind, endpoint), methods=["POST"]) for kind, endpoint in posts.items()),
        Route("/metrics", web.metrics),
        Mount("/static", _Revalidated(directory=STATIC)),
    ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(Guards, hosts=hosts)],
        exception_handlers={HTTPException: _http_error},
    )


class _Revalidated(StaticFiles):
    """Files that a browser may keep but asks about each time: modules of two versions must not meet."""

    def file_response(self, *arguments: Any, **fields: Any) -> Response:
        response = super().file_response(*arguments, **fields)
        response.headers["Cache-Control"] = "no-cache"
        return response


async def _http_error(request: Request, error: Exception) -> Response:
    """404 and 405 as one line too."""
    status, why = (error.status_code, error.detail) if isinstance(error, HTTPException) else (500, "failed")
    return error_answer(status, f"{request.method} {request.url.path}: {why}")


def _file_name(request: Request) -> str:
    """What the file is called in the browser; only its ending is used."""
    return unquote(request.headers.get("x-file-name", ""))[-100:]
