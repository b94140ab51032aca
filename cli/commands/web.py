"""Show films, answers and heat maps in a page of the browser; Ctrl-C stops it.

It asks the CoroNet server at --url. Without --url it asks the one on this machine's port 8080, and starts one where
none runs there, as 'coronet serve' does. Films pass through memory and are written nowhere.

The page is for this machine alone: it listens on the loopback address. For others, put a proxy with TLS and a login
in front of it (docs/how-to/web.md) and name the host that they call it by with --allow-host.
"""

from __future__ import annotations

import argparse
import ipaddress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from cli.options import add_token_arguments, port_number
from client.addresses import DEFAULT_URL, LOOPBACK_HOSTS, split_url

if TYPE_CHECKING:
    from web.app import Web

_PORT = 8090


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `coronet web`."""
    page = parser.add_argument_group("page")
    page.add_argument(
        "--port", type=port_number, default=_PORT, metavar="P", help="the page's port (default: %(default)s)"
    )
    page.add_argument(
        "--host",
        type=_address,
        default="127.0.0.1",
        metavar="ADDRESS",
        help="listen on this address of the machine (default: %(default)s)",
    )
    page.add_argument(
        "--open-to-network",
        action="store_true",
        help="allow a --host that others can reach: everybody who can may then send films and see answers, without "
        "login, and films cross the network unencrypted",
    )
    page.add_argument(
        "--allow-host",
        action="append",
        default=[],
        type=str.lower,
        metavar="NAME",
        help="a host name by which browsers reach the page, as through a proxy; may be repeated",
    )
    server = parser.add_argument_group("server")
    server.add_argument(
        "--url", help=f"its inference address (default: {DEFAULT_URL}, where one is started if none runs)"
    )
    add_token_arguments(server)
    server.add_argument(
        "--model-store", type=Path, metavar="DIR", help="where a server is started: as for 'coronet serve'"
    )


def run(args: argparse.Namespace) -> int:
    """Serve the page until stopped."""
    from cli.explanation_methods import METHODS
    from launcher.stop_signals import stop_signals
    from launcher.torchserve_config import is_free
    from model_src.errors import ServerError
    from model_src.sockets import listen
    from web.app import Web, make_app
    from web.server import serving
    from web.upstream import Upstream

    if args.host not in LOOPBACK_HOSTS and not args.open_to_network:
        raise ServerError(
            f"found --host {args.host}, which others can reach: they could send films and see answers without login, "
            "and films would cross the network unencrypted. Put a proxy with TLS in front of 127.0.0.1 instead "
            "(docs/how-to/web.md), or add --open-to-network"
        )
    url = args.url or DEFAULT_URL
    missing = is_free(split_url(url).port or 80) and args.url is None
    if missing and find_spec("ts") is None:
        raise ServerError(
            f"no server at {url}, and this installation cannot start one: name a server with --url, or in the "
            "project's folder, pip install '.[serve,web]'"
        )
    web = Web(Upstream(url, args.token, args.token_file), METHODS)
    app = make_app(web, {*LOOPBACK_HOSTS, args.host, *args.allow_host})
    with stop_signals(), serving(app, listen(args.host, args.port)) as thread:
        shown = f"[{args.host}]" if ":" in args.host else args.host
        print(f"the page is at http://{shown}:{args.port}\n  server    {url}\n  stop      Ctrl-C", flush=True)
        try:
            if missing:
                _serve(web, args.model_store)
            else:
                thread.join()
        except KeyboardInterrupt:
            print("stopping ...", flush=True)
    return 0


def _serve(web: Web, model_store: Path | None) -> None:
    """Start TorchServe behind a page that is there already, and wait; raises ServerError when it ends on its own."""
    from cli.shipped_model import default_model_store
    from launcher.packaged_files import TORCHSERVE_CONFIG
    from launcher.server import torchserve

    web.about.starting = "the model is being started: some 30 seconds, a minute the first time"
    store = model_store or default_model_store()
    with torchserve(store, TORCHSERVE_CONFIG, progress=lambda line: print(f"  {line}", flush=True)) as server:
        web.about.starting = ""
        print("the model answers", flush=True)
        try:
            server.wait()
        except KeyboardInterrupt:
            print("stopping TorchServe, when requests in progress are done ...", flush=True)
            server.drain()


def _address(text: str) -> str:
    """A host name or IP address, in small letters, without brackets."""
    plain = text.strip("[]").lower()
    try:
        ipaddress.ip_address(plain)
    except ValueError:
        if not plain or not all(part and part.replace("-", "").isalnum() for part in plain.split(".")):
            raise argparse.ArgumentTypeError(f"found {text!r}, need an address such as 127.0.0.1") from None
    return plain
