"""The TorchServe behind the page: where it is, and a client of it for each request."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from client.addresses import DEFAULT_URL
from client.http import CoroNetClient
from client.tokens import TokenSource, find_token
from model_src.time_limits import PREDICT_PATIENCE


@dataclass(frozen=True)
class Upstream:
    """A server's address and where its token comes from.

    Nothing is kept between requests: a server that was restarted has another token, perhaps another key file, and
    connections to it that were left open are broken.
    """

    url: str = DEFAULT_URL
    token: str | None = None
    token_file: Path | None = None

    def token_source(self) -> TokenSource:
        """Where the token is now; raises ServerError when there is none."""
        return find_token(self.url, self.token, self.token_file)

    def client(self, timeout: float = PREDICT_PATIENCE) -> CoroNetClient:
        """A client that does not wait for a lost server: the page does, and says so meanwhile.

        Raises:
            ServerError: no token is known.
        """
        return CoroNetClient(self.url, self.token_source(), timeout, patient=False)
