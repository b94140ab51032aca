"""What a SOURCE of the command line is: told by its name, and by what lies there."""

from __future__ import annotations

from model_src.errors import DataError
from scoring.sources import addresses, lists, pacs, tars
from scoring.sources.folders import FolderSource, local_path
from scoring.sources.lists import ListSource
from scoring.sources.pacs import PacsAccess, PacsSource
from scoring.sources.source import Source
from scoring.sources.tars import TarSource

NEED = "need a folder, a list (.txt), a tar, a URL that fsspec can read, or dicomweb+https://HOST/dicom-web"


def open_source(text: str, access: PacsAccess) -> Source:
    """The source that a word of the command line names.

    Raises:
        DataError: there is nothing, or nothing of that kind.
        SourceLost: what it names does not answer.
    """
    if text.startswith(pacs.PREFIX):
        return PacsSource(text, access)
    if text.lower().endswith(tars.COMPRESSED):
        raise DataError(f"{text}: found a compressed tar, need a plain one: unpack it, films are read one by one")
    path = local_path(text)
    if path is None:
        if not addresses.is_file(text):
            return addresses.AddressSource(text)
        if text.lower().endswith(tars.ENDING):
            return TarSource(text)
        raise DataError(f"{text}: one file; name its folder, a .tar, or a list of such URLs in a local .txt file")
    if path.is_dir():
        return FolderSource(path)
    if not path.exists():
        raise DataError(f"{text}: not found; {NEED}")
    if path.suffix.lower() == tars.ENDING:
        return TarSource(str(path))
    if path.suffix.lower() in lists.ENDINGS:
        return ListSource(path, addresses.remote_film)
    raise DataError(f"{text}: one file; {NEED}")
