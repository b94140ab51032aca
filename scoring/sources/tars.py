"""Tars with films in them, as WebDataset has them: SHARD-000000.tar, SHARD-000001.tar, ..."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import PurePosixPath

from model_src.errors import DataError
from model_src.imaging.file_names import may_be_image
from scoring.film import Film
from scoring.sources import addresses
from scoring.sources.folders import file_film, local_path

ENDING = ".tar"
_BLOCK = 512  # bytes; one of zeros ends a tar
COMPRESSED = (".tar.gz", ".tgz", ".tar.zst", ".tar.xz", ".tar.bz2")


class TarSource:
    """The members of one tar that may be images by their names.

    A film is read again by its place in the tar, without reading what is before it; so the tar must not be compressed.
    """

    def __init__(self, address: str) -> None:
        self._address = address

    def films(self) -> Iterator[Film]:
        """In the order of the tar. The time of change is that of the whole tar."""
        path = local_path(self._address)
        whole = addresses.remote_film(self._address) if path is None else file_film(path)
        last = "its beginning"
        try:
            opened = addresses.open_file(self._address) if path is None else path.open("rb")
            with opened as file, tarfile.open(fileobj=file, mode="r:") as tar:
                for member in tar:
                    tar.members = []  # type: ignore[attr-defined]  # tarfile keeps all that it has seen
                    name = PurePosixPath(member.name).name
                    if member.isreg() and not name.startswith(".") and may_be_image(name):
                        text = member.name.encode(errors="surrogateescape").decode(errors="backslashreplace")
                        yield Film(
                            f"{whole.address}/{text}",
                            member.size,
                            whole.modified,
                            tar=whole.address,
                            offset=member.offset_data,
                        )
                    last = member.name
                file.seek(tar.offset)
                if file.read(_BLOCK) != bytes(_BLOCK):  # tarfile takes half a header for the end
                    raise tarfile.ReadError("it ends without an end mark")
        except tarfile.TarError as error:
            raise DataError(f"{whole.address}: not a whole tar ({error} after {last}); copy it again") from None
        except FileNotFoundError:
            raise DataError(f"{whole.address}: not found") from None
        except OSError as error:
            raise DataError(f"{whole.address}: cannot be read: {error.strerror or error}") from None
