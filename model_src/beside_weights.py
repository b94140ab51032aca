"""Files that lie beside a model's weights and say something of them alone: calibration.json, certificate.json."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from pydantic import TypeAdapter, ValidationError

from model_src.errors import ArtefactError
from model_src.validation import refusal


class OfWeights(Protocol):
    """What such a file holds: a frozen dataclass with its weights, a `format_version`, and what it says of them."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def weights(self) -> dict[str, str]:
        """File name -> SHA-256 of the weights that it was made with."""


Content = TypeVar("Content", bound=OfWeights)


@dataclass(frozen=True)
class WeightsFile(Generic[Content]):
    """How one such file is written, read and refused.

    Attributes:
        name: of the file.
        content: the dataclass that it holds.
        version: the one that is read and written.
        remedy: what a user does when it cannot be used.
    """

    name: str
    content: type[Content]
    version: int
    remedy: str

    def text(self, content: Content) -> str:
        """The file's text."""
        return json.dumps(asdict(content), indent=1, allow_nan=False) + "\n"

    def parse(self, text: bytes, where: Path | str) -> Content:
        """What the file's bytes hold.

        Raises:
            ArtefactError: damaged, of another format version, or with a wrong value; `where` is named.
        """
        try:
            facts = json.loads(text)
        except ValueError as error:
            raise ArtefactError(f"{where}: cannot be read ({error}); {self.remedy}") from error
        version = facts.get("format_version") if isinstance(facts, dict) else type(facts).__name__
        if version != self.version:
            raise ArtefactError(f"{where}: found format version {version}, need {self.version}; {self.remedy}")
        try:
            return TypeAdapter(self.content).validate_python(facts)
        except ValidationError as error:
            raise ArtefactError(f"{where}: {refusal(error, self.content)}; {self.remedy}") from None

    def read(self, path: Path, weights: dict[str, str]) -> Content | None:
        """What the file at `path` holds, None where there is none.

        Args:
            path: the file.
            weights: file name -> SHA-256 of the weights beside it, as they are now.

        Raises:
            ArtefactError: as `parse`; or it was made with other weights.
        """
        try:
            text = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ArtefactError(f"{path}: cannot be read ({error.strerror}); {self.remedy}") from error
        content = self.parse(text, path)
        if content.weights != weights:
            raise ArtefactError(f"{path}: was made with other weights than those beside it; {self.remedy}")
        return content
