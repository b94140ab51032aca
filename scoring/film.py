"""One film of a source: where it is, and how it is known again when it is read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Film:
    """A row of the manifest.

    Attributes:
        address: a path, a URL, or a member of a tar as TAR/MEMBER; no two films of a run have the same.
        size: bytes; None where nobody said (a PACS), or the film was not there.
        modified: nanoseconds since 1970; None where nobody said.
        identity: "sha256:DIGEST", "stat:SIZE:MODIFIED" or "uid:SOP_INSTANCE_UID"; None: it could not be read when the
            manifest was made.
        tar: the address of the tar that holds it.
        offset: of its first byte in the tar.
    """

    address: str
    size: int | None = None
    modified: int | None = None
    identity: str | None = None
    tar: str | None = None
    offset: int | None = None
