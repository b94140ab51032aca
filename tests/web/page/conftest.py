"""A real Chromium on the real page, served by the real server of the page, in front of a stand-in for TorchServe."""

from __future__ import annotations

import hashlib
import io
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from model_src.sockets import listen
from tests.web.page.fake_model import METHODS, Behaviour, FakeModel
from tests.web.page.films import until
from web.app import Web, make_app
from web.server import serving
from web.upstream import Upstream

ROOT = Path(__file__).resolve().parents[3]
AXE = ROOT / "build" / "axe-core" / "axe.min.js"
AXE_VERSION = "4.14.1"
AXE_SHA256 = "e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745"  # of the packed archive
CHROMIUM = [
    "--headless",
    "--no-sandbox",  # root needs it
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# What the browser itself reports: responses that are errors, asked for on purpose, and that tests read canvases.
EXPECTED = ("Failed to load resource", "Canvas2D: Multiple readback operations")


class Site:
    """The page's server; it can go away and come back on the same port."""

    def __init__(self) -> None:
        self.model = FakeModel()
        self.port = 0
        self._running: AbstractContextManager[Any] | None = None
        self.start()

    @property
    def url(self) -> str:
        """The page's address."""
        return f"http://127.0.0.1:{self.port}/"

    def start(self) -> None:
        """Serve; the same port as before."""
        socket = listen("127.0.0.1", self.port)
        self.port = socket.getsockname()[1]
        web = Web(Upstream(self.model.url, token="token"), METHODS)
        self._running = serving(make_app(web, {"127.0.0.1"}), socket)
        self._running.__enter__()

    def stop(self) -> None:
        """Go away."""
        if self._running:
            self._running.__exit__(None, None, None)
            self._running = None

    def close(self) -> None:
        """Stop both servers."""
        self.stop()
        self.model.close()


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """The page's server of one module's tests."""
    running = Site()
    yield running
    running.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium. Of one module: Playwright's event loop must not stay while other tests run theirs."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("needs Chromium (Debian: apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=CHROMIUM)
        yield running
        running.close()


@contextmanager
def pages_of(browser: Any, site: Site) -> Iterator[Callable[..., Any]]:
    """Opens the page in a profile of its own; whatever it opens must ask nobody but its server, and raise nothing."""
    site.model.behaviour = Behaviour()
    contexts, wrong = [], []

    def watch_request(request: Any) -> None:
        if not request.url.startswith((site.url, "blob:" + site.url)):
            wrong.append(f"asked {request.url}")

    def watch_console(message: Any) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(EXPECTED):
            wrong.append(f"{message.type}: {message.text}")

    def open_page(**options: Any) -> Any:
        context = browser.new_context(**({"viewport": {"width": 1440, "height": 900}} | options))
        context.set_default_timeout(10_000)
        contexts.append(context)
        page = context.new_page()
        page.on("request", watch_request)
        page.on("console", watch_console)
        page.on("pageerror", lambda error: wrong.append(f"raised {error}"))
        page.goto(site.url)
        until(page, "document.querySelector('#method').options.length > 0")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.fixture
def new_page(browser: Any, site: Site) -> Iterator[Callable[..., Any]]:
    """Opens pages of one test."""
    with pages_of(browser, site) as open_page:
        yield open_page


@pytest.fixture(scope="module")
def functions(browser: Any, site: Site) -> Iterator[Callable[..., Any]]:
    """Calls a function that a module of the page exports: functions("words.js", "seconds", 4.2)."""
    with pages_of(browser, site) as open_page:
        page = open_page()
        script = "async ([file, name, values]) => (await import(`/static/${file}`))[name](...values)"
        yield lambda file, name, *values: page.evaluate(script, [file, name, values])


@pytest.fixture
def page(new_page: Callable[..., Any]) -> Any:
    """The page, just opened, on a desk."""
    return new_page()


@pytest.fixture(scope="session")
def axe_source() -> str:
    """axe-core as JavaScript; packed by npm into build/ where it is not there yet."""
    if not AXE.is_file():
        fetch_axe()
    if not AXE.is_file():
        pytest.skip("needs axe-core in build/axe-core (npm pack axe-core@4.14.1)")
    return AXE.read_text()


def fetch_axe() -> None:
    """Let npm pack it; nothing where there is no npm, no network, or another file than was expected."""
    AXE.parent.mkdir(parents=True, exist_ok=True)
    npm = shutil.which("npm")
    if npm is None:
        return
    command = [npm, "pack", "--silent", f"axe-core@{AXE_VERSION}"]
    try:
        subprocess.run(command, cwd=AXE.parent, timeout=120, check=True, capture_output=True)
    except (subprocess.SubprocessError, OSError):
        return
    packed = (AXE.parent / f"axe-core-{AXE_VERSION}.tgz").read_bytes()
    if hashlib.sha256(packed).hexdigest() == AXE_SHA256:
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            script = archive.extractfile("package/axe.min.js")
            AXE.write_bytes(script.read())
