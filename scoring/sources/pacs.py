"""The films of a PACS by DICOMweb: QIDO-RS says which there are, WADO-RS gives each."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

import requests

from model_src.errors import DataError
from pacs.delivery import Later
from pacs.web_request import ask
from scoring.failures import FilmRemoved, FilmUnreadable, SourceLost
from scoring.film import Film

PREFIX = "dicomweb+"
_MODALITIES = ("CR", "DX")  # one question each: lists in a query are an option that not every PACS has
_PAGE = 500
_STUDY, _SERIES, _INSTANCE = "0020000D", "0020000E", "00080018"
_TIMEOUT = 60.0  # seconds
_REFUSED = (301, 302, 303, 307, 308, 400, 401, 403, 404)


@dataclass(frozen=True)
class PacsAccess:
    """How the PACS lets us in; a `pacs.web_request.WebAccess`."""

    user: str | None = None
    password_file: Path | None = None
    token_file: Path | None = None
    authority: Path | None = None


class PacsSource:
    """What a query of a PACS finds: dicomweb+https://HOST/dicom-web?StudyDate=20260101-20260131&ModalitiesInStudy=...

    Args:
        address: of the DICOMweb root, with the attributes of a QIDO-RS search for instances. Without a Modality, CR and
            DX are asked for.
        access: how it lets us in.
    """

    def __init__(self, address: str, access: PacsAccess) -> None:
        parts = urlsplit(address.removeprefix(PREFIX))
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise DataError(
                f"{address}: need an address like {PREFIX}https://HOST/dicom-web?StudyDate=20260101-20260131"
            )
        self._root = urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))
        self._query = parse_qsl(parts.query)
        self._access = access

    def films(self) -> Iterator[Film]:
        """By study, series and instance UID. The list is held in memory: ask for a year at a time of a large PACS."""
        named = {name for name, _ in self._query}
        queries = [[]] if "Modality" in named else [[("Modality", modality)] for modality in _MODALITIES]
        found: set[tuple[str, str, str]] = set()
        with requests.Session() as session:
            for query in queries:
                found.update(self._instances(session, [*self._query, *query]))
        for study, series, instance in sorted(found):
            address = f"{PREFIX}{self._root}/studies/{study}/series/{series}/instances/{instance}"
            yield Film(address, identity=f"uid:{instance}")

    def _instances(self, session: requests.Session, query: list[tuple[str, str]]) -> Iterator[tuple[str, str, str]]:
        """Page by page. A page may repeat what the one before had, when films come meanwhile."""
        for start in range(0, 1 << 40, _PAGE):
            params = [*query, ("limit", str(_PAGE)), ("offset", str(start))]
            page = self._page(session, params)
            for each in page:
                yield _uid(each, _STUDY), _uid(each, _SERIES), _uid(each, _INSTANCE)
            if len(page) < _PAGE:
                return

    def _page(self, session: requests.Session, params: list[tuple[str, str]]) -> list[dict[str, Any]]:
        url = f"{self._root}/instances"
        try:
            response = ask(
                session,
                self._access,
                "GET",
                url,
                _TIMEOUT,
                params=params,
                headers={"Accept": "application/dicom+json"},
            )
        except Later as error:
            raise SourceLost(str(error)) from None
        if response.status_code == 204:  # nothing more
            return []
        if response.status_code != 200:
            raise SourceLost(
                f"{url} answers {response.status_code} {response.reason}: check the address and the secret"
            )
        try:
            page = response.json()
            return [dict(each) for each in page]
        except (ValueError, TypeError):
            raise SourceLost(f"{url} answers with something that is no list of instances: check the address") from None


class PacsFilms:
    """Reads films of a PACS again; may be used by several threads."""

    def __init__(self, access: PacsAccess) -> None:
        self._access = access
        self._sessions = threading.local()

    def read(self, address: str) -> bytes:
        """The DICOM file, in the transfer syntax that it is stored in.

        Raises:
            FilmRemoved: the PACS has it no longer.
            FilmUnreadable: it answers with something else than one DICOM file.
            SourceLost: it does not answer, or does not let us in.
        """
        if not hasattr(self._sessions, "session"):
            self._sessions.session = requests.Session()
        url = address.removeprefix(PREFIX)
        try:
            response = ask(
                self._sessions.session,
                self._access,
                "GET",
                url,
                _TIMEOUT,
                headers={"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'},
            )
        except Later as error:
            raise SourceLost(str(error)) from None
        if response.status_code in (404, 410):
            raise FilmRemoved("the PACS has it no longer")
        if response.status_code in _REFUSED or response.status_code >= 500:
            root = url.partition("/studies/")[0]  # what follows names a patient's study
            raise SourceLost(f"{root} answers {response.status_code} {response.reason}: check address and secret")
        film = _first_part(response.headers.get("Content-Type", ""), response.content)
        if response.status_code != 200 or film is None:
            raise FilmUnreadable(f"the PACS answers {response.status_code} {response.reason} and sends no DICOM file")
        return film


def _uid(instance: dict[str, Any], tag: str) -> str:
    try:
        return str(instance[tag]["Value"][0])
    except (KeyError, IndexError, TypeError):
        raise SourceLost(f"the PACS lists an instance without {tag[:4]},{tag[4:]}: it cannot be asked for") from None


def _first_part(content_type: str, body: bytes) -> bytes | None:
    """The content of the only part of a multipart answer."""
    if not content_type.lower().startswith("multipart/related"):
        return None
    boundary = next(
        (word.strip()[len("boundary=") :].strip('"') for word in content_type.split(";") if "boundary=" in word), ""
    )
    if not boundary:
        return None
    start = body.find(b"\r\n\r\n", body.find(f"--{boundary}".encode()))
    end = body.rfind(f"\r\n--{boundary}".encode())
    return body[start + 4 : end] if 0 <= start < end else None
