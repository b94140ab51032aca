"""Files and folders appear under their final name whole, or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from model_src.errors import OutputError


@contextmanager
def atomic_write(path: str | os.PathLike[str], *, durable: bool = False) -> Iterator[Path]:
    """Yield a temporary path in the same folder; rename it to `path` if the block succeeds, else delete it.

    The temporary file keeps `path`'s suffix, because libraries choose a format by it. With `durable` file and name are
    on the disk when the block has ended: after a power cut, a file of that name is whole.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.stem}-", suffix=target.suffix, dir=target.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())  # mkstemp makes files private
        if durable:
            _sync(temporary, os.O_RDONLY)
        temporary.replace(target)
        if durable:
            _sync(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_directory(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; if the block succeeds it takes `path`'s place, else it is deleted.

    An existing folder at `path` is replaced; the caller has checked that it may be.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        yield temporary
        temporary.chmod(0o777 & ~_umask())
        if target.exists():
            old = Path(tempfile.mkdtemp(prefix=f".{target.name}-old-", dir=target.parent))
            try:
                target.replace(old / target.name)
            except OSError:
                old.rmdir()
                raise
            temporary.replace(target)
            shutil.rmtree(old)
        else:
            temporary.replace(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def require_writable(path: str | os.PathLike[str], option: str, *, folder: bool = False) -> None:
    """Tell before the work whether `path` could be written after it. Leaves nothing behind.

    Args:
        path: a file or folder that need not exist yet.
        option: how the user gave it, such as "--out".
        folder: it is to be a folder.

    Raises:
        OutputError: something on the way to it is no folder, or may not be written to.
    """
    place = Path(path).absolute()
    while not place.exists() and place != place.parent:
        if place.is_symlink():
            raise OutputError(
                f"{option} {path}: {place} is a link that leads nowhere; remove it or choose another path"
            )
        place = place.parent
    if not place.is_dir() and (folder or place != Path(path).absolute()):
        raise OutputError(f"{option} {path}: {place} is a file, need a folder; choose another path")
    if not os.access(place, os.W_OK | os.X_OK if place.is_dir() else os.W_OK):
        raise OutputError(f"{option} {path}: {place} may not be written to; choose another path, or allow it")
    if place.is_dir():
        try:  # permissions tell nothing of /proc and the like, nor root's of anything
            tempfile.TemporaryFile(dir=place).close()
        except OSError as error:
            raise OutputError(
                f"{option} {path}: {place} takes no files ({error.strerror}); choose another path"
            ) from None


def require_replaceable(directory: str | os.PathLike[str], option: str, name: str) -> None:
    """Tell before the work whether `atomic_directory` could replace a folder that is there already.

    Args:
        directory: a folder that need not exist yet.
        option: how the user gave it, such as "--out".
        name: what a folder in it could be called.

    Raises:
        OutputError: it is a mount, lies in a folder that may not be written to, or the command runs in it.
    """
    folder = Path(directory)
    if not folder.exists():
        return
    if folder.resolve() == Path.cwd():
        why = "the command runs in this folder, which would be replaced whole"
    elif folder.is_mount() or not os.access(folder.absolute().parent, os.W_OK | os.X_OK):
        why = "the folder would be replaced whole, which its place does not allow"
    else:
        return
    raise OutputError(f"{option} {folder}: {why}; name one in it: {option} {folder / name}")


def _sync(path: Path, flags: int) -> None:
    """Have a file's content, or the names in a folder, on the disk."""
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask() -> int:
    """The process's umask (it can only be read by setting it)."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
