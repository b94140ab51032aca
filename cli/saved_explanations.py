"""What `coronet explain` writes: an explanation's pictures and figures as files."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cli.file_names import shown
from model_src.atomic import atomic_write, require_writable
from model_src.errors import OutputError

_PICTURE = "_png"  # ending of the response's fields that hold a picture in base64


def require_folder(directory: Path) -> None:
    """Tell before the work whether files can be written into `directory` after it; raises OutputError."""
    require_writable(directory, "--out")
    if directory.exists() and not directory.is_dir():
        raise OutputError(f"--out {shown(directory)}: found a file of that name, need a folder; choose another path")


def save(response: dict[str, Any], directory: Path, stem: str) -> list[Path]:
    """Write a response's pictures (every field "NAME_png") as STEM.NAME.png and the rest as STEM.json.

    Raises:
        OutputError: a file cannot be written; it names the folder as the user gave it.
    """
    facts, contents = {}, {}
    for field, value in response.items():
        if field.endswith(_PICTURE) and field.isidentifier():  # a field's name becomes a file's
            contents[f"{stem}.{field.removesuffix(_PICTURE)}.png"] = base64.b64decode(value)
        else:
            facts[field] = value
    contents[f"{stem}.json"] = (json.dumps(facts) + "\n").encode()
    for name, content in contents.items():
        with _named(directory, name), atomic_write(directory / name) as path:
            path.write_bytes(content)
    return [directory / name for name in contents]


def save_objects(objects: Mapping[str, bytes], directory: Path, stem: str) -> None:
    """Write DICOM objects by name as STEM.NAME.dcm; raises as `save` does."""
    for name, content in objects.items():
        file = f"{stem}.{name if name.isidentifier() else 'object'}.dcm"
        with _named(directory, file), atomic_write(directory / file) as path:
            path.write_bytes(content)


def write_figure(
    title: str, answer: str, image: bytes, responses: Sequence[dict[str, Any]], directory: Path, name: str
) -> None:
    """Write all explanations of an image file as one figure; OutputError when it cannot be written."""
    from outputs.montage import write_montage

    with _named(directory, name):
        write_montage(title, image, responses, directory / name, answer)


@contextmanager
def _named(directory: Path, name: str) -> Iterator[None]:
    """Say which file of which folder could not be written, instead of a temporary one's name."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"--out {shown(directory)}: {shown(name)} cannot be written: {error.strerror or error}"
        ) from None
