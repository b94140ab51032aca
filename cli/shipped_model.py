"""The model that comes with the code, packed for TorchServe on this machine when it is first served.

TorchScript is written by the torch that will read it, so the shipped weights become an archive here and not where
the package is made. It is kept, because packing takes longer than serving takes to start:

    $XDG_CACHE_HOME/coronet/model-store-DIGEST/coronet.mar      (default ~/.cache/coronet/...)

DIGEST is of all that the archive is made from: another version of the code, of the weights or of torch gets another
folder, and an old one is never served in its place. The folders may be deleted at any time.
"""

from __future__ import annotations

import os
import tempfile
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

from archive.contents import SERVED_PACKAGES
from launcher.packaged_files import PRETRAINED, ROOMS
from launcher.worker_pools import ARCHIVE
from model_src.errors import ServerError

LOCAL_STORE = Path("build/model-store")  # where make and the documents put archives
_TOOLS = ("torch", "torch-model-archiver")  # their versions decide what the archive looks like

_OTHERWISE = (
    "set XDG_CACHE_HOME to a folder that you alone can write to, or name a folder with coronet.mar with --model-store"
)


def default_model_store() -> Path:
    """The model store of this checkout where it has an archive, else the shipped model's; raises as that does."""
    return LOCAL_STORE if (LOCAL_STORE / ARCHIVE).is_file() else shipped_model_store()


def shipped_model_store() -> Path:
    """The model store with the shipped model's coronet.mar, which is packed now unless it was before.

    Raises:
        ServerError: there is no place to keep it, or somebody else has made that place.
        ArtefactError: it was packed but does not answer.
        OSError: no space left.
    """
    store = _cache_directory() / f"model-store-{_digest()}"
    try:
        store.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ServerError(f"{store} cannot be made ({error.strerror}): {_OTHERWISE}") from None
    owner = store.stat().st_uid  # who decides what the server runs, also after it was packed
    if owner != os.getuid():
        raise ServerError(f"{store} belongs to user {owner}, need one of your own: {_OTHERWISE}")
    if (store / ARCHIVE).is_file():
        return store
    from archive.build import build_archive  # torch, which packing alone needs
    from train.runs.export import export_run

    print(f"packing the shipped model into {store}, once, some 20 seconds ...", flush=True)
    with tempfile.TemporaryDirectory(prefix="coronet-shipped-") as folder:
        artefacts = Path(folder) / "artefacts"
        export_run(PRETRAINED, artefacts)
        build_archive(artefacts, store)
    return store


def _cache_directory() -> Path:
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "coronet"
    except RuntimeError:
        raise ServerError(f"found no home directory to keep the packed model in: {_OTHERWISE}") from None


def _digest() -> str:
    """16 hexadecimal digits of all sources and weights that the archive is made from, and of the tools' versions."""
    digest = sha256(" ".join(version(name) for name in _TOOLS).encode())
    sources = [path for name in (*SERVED_PACKAGES, "train/runs") for path in (ROOMS / name).rglob("*.py")]
    shipped = [path for path in (ROOMS / "archive").rglob("*") if path.is_file() and path.suffix != ".pyc"]
    for path in sorted({*sources, *shipped}):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(ROOMS).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]
