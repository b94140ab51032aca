"""One request to a PACS that speaks DICOMweb: who asks, how it is trusted, and what a failure is called."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import requests

from client.addresses import is_local
from client.keys import BearerToken
from pacs.delivery import Later


class WebAccess(Protocol):
    """How one is let in: by user and password, by a token, or by nothing; `authority` is a file of certificates."""

    @property
    def user(self) -> str | None: ...
    @property
    def password_file(self) -> Path | None: ...
    @property
    def token_file(self) -> Path | None: ...
    @property
    def authority(self) -> Path | None: ...


def ask(
    session: requests.Session,
    access: WebAccess,
    method: str,
    url: str,
    timeout: float,
    *,
    data: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    params: list[tuple[str, str]] | None = None,
) -> requests.Response:
    """Whatever HTTP answers; a redirection is not followed. Secrets are read from their files now.

    Args:
        timeout: seconds to wait for the connection, and then for the answer.

    Raises:
        Later: nothing answered, or a secret cannot be read.
    """
    auth: requests.auth.AuthBase | None = None
    if access.user is not None and access.password_file:
        auth = requests.auth.HTTPBasicAuth(access.user, _secret(access.password_file))
    elif access.token_file:
        auth = BearerToken(_secret(access.token_file))
    session.trust_env = not is_local(url)
    try:
        return session.request(
            method,
            url,
            data=data,
            headers=headers,
            params=params,
            auth=auth,
            timeout=timeout,
            verify=str(access.authority) if access.authority else True,
            allow_redirects=False,
        )
    except requests.Timeout:
        raise Later(f"{url}: nothing came within {timeout:g} s") from None
    except requests.exceptions.SSLError:
        raise Later(f"{url}: its certificate is not trusted: see authority") from None
    except requests.RequestException as error:
        raise Later(f"{url} does not answer ({type(error).__name__})") from None


def _secret(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError):
        raise Later(f"{path} cannot be read") from None
