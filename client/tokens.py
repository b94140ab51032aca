"""Where the caller's access token comes from, and the note that `coronet serve` leaves so that it is found.

TorchServe makes new random keys at each start and writes them to `key_file.json` in its working directory.
Every server that `coronet serve` starts has a state directory of its own, by port and readable by its user
alone, with that key file, the logs and `server.json` (ServerRecord):

    $XDG_STATE_HOME/coronet/serve-8080/      (default ~/.local/state/coronet/serve-8080/)
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from client.addresses import LOOPBACK_HOSTS, split_url
from model_src.atomic import atomic_write
from model_src.errors import ServerError

TOKEN_VARIABLE = "CORONET_TOKEN"
RECORD_FILE = "server.json"


@dataclass(frozen=True)
class ServerRecord:
    """A server that `coronet serve` started on this machine; `pid` leads its process group."""

    url: str
    management_url: str
    pid: int
    key_file: str | None  # None: the server asks for no tokens


@dataclass(frozen=True)
class TokenSource:
    """A place to read the inference token from, again when the server has renewed it.

    Exactly one of `value` and `file` is set, or neither for a server without tokens. With `management_url`
    (a server of our own) an expired token can be renewed.
    """

    value: str | None = None
    file: Path | None = None
    management_url: str | None = None

    def read(self) -> str | None:
        """The token as it is now; None when the server asks for none.

        Raises:
            ServerError: the file cannot be read or holds no token.
        """
        return self.value if self.file is None else read_key(self.file, "inference")

    def __str__(self) -> str:
        """Where the token came from, for messages."""
        return "the token given" if self.file is None else f"the token in {self.file}"


def state_directory(port: int) -> Path:
    """Directory of what `coronet serve` keeps for the server on `port` (not created here).

    Raises:
        ServerError: this user has no home directory, and no variable names another place.
    """
    base = os.environ.get("XDG_STATE_HOME")
    if not base:
        try:
            base = str(Path.home() / ".local" / "state")
        except RuntimeError:  # neither HOME nor an entry for this user id in the machine's list of users
            raise ServerError(
                "found no home directory of this user, need a place for the server's keys and logs: set HOME or "
                "XDG_STATE_HOME to a directory that only you can write to"
            ) from None
    return Path(base) / "coronet" / f"serve-{port}"


def write_record(record: ServerRecord, directory: Path) -> None:
    """Leave `record` in the state directory."""
    with atomic_write(directory / RECORD_FILE) as path:
        path.write_text(json.dumps(asdict(record), indent=2) + "\n")


def read_record(port: int) -> ServerRecord | None:
    """The record of the last server on `port`, or None when there is no (readable) one."""
    try:
        return ServerRecord(**json.loads((state_directory(port) / RECORD_FILE).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def find_token(url: str, token: str | None = None, token_file: Path | None = None) -> TokenSource:
    """The token for `url`: the given one, else the variable CORONET_TOKEN, else that of our own server there.

    `token_file` is TorchServe's key_file.json or a file that holds the token alone. A record is used only for
    an address of this machine, so that no local key is ever sent elsewhere.

    Raises:
        ServerError: `url` is no address, or no token was given and no server of ours is known there.
    """
    address = split_url(url)
    if token:
        return TokenSource(value=token)
    if token_file:
        return TokenSource(file=token_file)
    if os.environ.get(TOKEN_VARIABLE):
        return TokenSource(value=os.environ[TOKEN_VARIABLE])
    record = read_record(address.port or 80) if address.hostname in LOOPBACK_HOSTS else None
    if record is None:
        raise ServerError(
            f"no token for {url}: no 'coronet serve' of yours runs there; start one, or give the token "
            f"with --token-file key_file.json, --token or the variable {TOKEN_VARIABLE}"
        )
    key_file = Path(record.key_file) if record.key_file else None
    return TokenSource(file=key_file, management_url=record.management_url)


def read_key(path: Path, kind: str) -> str:
    """A key of TorchServe's key_file.json: `kind` is "inference", "management" or "API".

    A file without JSON holds the token itself; of several lines, as for `coronet serve --keys`, the first.

    Raises:
        ServerError: the file is missing, unreadable or without that key.
    """
    try:
        text = path.read_text().strip()
    except FileNotFoundError:
        raise ServerError(
            f"token file {path} is missing: check the path; 'coronet serve' writes it when it starts, and removes it "
            "when it stops"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ServerError(f"token file {path} cannot be read: {error}") from None
    if text and text[0] not in "{[" and all(len(line.split()) < 2 for line in text.splitlines()):
        return text.split()[0]
    try:
        return str(json.loads(text)[kind]["key"])
    except (ValueError, KeyError, TypeError):
        raise ServerError(
            f"token file {path} holds no {kind} key: need TorchServe's key_file.json or the token alone"
        ) from None
