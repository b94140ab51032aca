"""The settings of a node: one YAML file. Paths in it count from its folder."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, model_validator

from client.addresses import DEFAULT_URL, split_url
from model_src.errors import ServerError
from model_src.time_limits import EXPLAIN_PATIENCE
from model_src.validation import refusal

Result = Literal["report", "map", "picture", "outline"]
RESULTS: tuple[Result, ...] = ("report", "map", "picture", "outline")
MEGABYTE = 1_000_000


def _from_folder(path: Path, info: ValidationInfo) -> Path:
    return Path(info.context or ".") / path


def _there(path: Path, info: ValidationInfo) -> Path:
    path = _from_folder(path, info)
    if not path.is_file():
        raise ValueError(f"found no file {path}")
    return path


_AE = r"^[!-\[\]-~]([ -\[\]-~]{0,14}[!-\[\]-~])?$"
AeTitle = Annotated[str, Field(pattern=_AE, description="an AE title: 1 to 16 letters, digits and signs but \\")]
Port = Annotated[int, Field(ge=1, le=65535, description="a port number from 1 to 65535")]
Host = Annotated[str, Field(min_length=1, description="a host name or address")]
Positive = Annotated[int, Field(ge=1, description="a whole number, at least 1")]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False, description="seconds, above 0")]
AnyPath = Annotated[Path, Field(strict=False, description="a path"), AfterValidator(_from_folder)]
File = Annotated[Path, Field(strict=False, description="the path of a file"), AfterValidator(_there)]


class _Settings(BaseModel):
    """A number is not taken for a text, nor a text for a number; unknown settings are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class ListenTls(_Settings):
    """TLS of the port that films come to. With `authority`, callers too need a certificate, signed by it."""

    certificate: File
    key: File
    authority: File | None = None

    def context(self) -> ssl.SSLContext:
        """For the server's side. Raises ServerError for files that are no certificates."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            context.load_cert_chain(self.certificate, self.key)
            if self.authority:
                context.verify_mode = ssl.CERT_REQUIRED
                context.load_verify_locations(self.authority)
        except (ssl.SSLError, OSError) as error:
            raise ServerError(f"listen.tls: {self.certificate}, {self.key}: {error}; need PEM files") from None
        return context


class Listen(_Settings):
    """Where films come to, and from whom."""

    ae_title: AeTitle = "CORONET"
    host: Host = "127.0.0.1"
    port: Port = 11112
    callers: Annotated[
        list[AeTitle], Field(min_length=1, description="the AE titles that may send, at least one: [ORTHANC]")
    ]
    associations: Positive = 16
    largest_film_mb: Positive = 32  # what TorchServe takes as well: max_request_size in config.properties
    tls: ListenTls | None = None


class Scoring(_Settings):
    """The server that answers."""

    url: Annotated[str, Field(description=f"an address such as {DEFAULT_URL}")] = DEFAULT_URL
    token_file: File | None = None
    timeout_seconds: Seconds = float(EXPLAIN_PATIENCE)

    @model_validator(mode="after")
    def _is_an_address(self) -> Scoring:
        try:
            split_url(self.url)
        except ServerError as error:
            raise ValueError(str(error)) from None
        return self


class Explanation(_Settings):
    """How a film is explained; `options` are those of the method (docs/reference/explanation-options.md)."""

    method: Annotated[str, Field(min_length=1, description="a method's name, such as grad_cam")] = "grad_cam"
    options: Annotated[dict[str, str | int | float], Field(description="names and values")] = Field(default={})


class TargetTls(_Settings):
    """TLS to a target. Without `authority`, the machine's own list of authorities is used."""

    authority: File | None = None
    certificate: File | None = None
    key: File | None = None

    def context(self) -> ssl.SSLContext:
        """For the caller's side. Raises ServerError for files that are no certificates."""
        try:
            context = ssl.create_default_context(cafile=self.authority)
            if self.certificate:
                context.load_cert_chain(self.certificate, self.key)
        except (ssl.SSLError, OSError) as error:
            raise ServerError(f"targets.tls: {error}; need PEM files") from None
        return context


class DicomTarget(_Settings):
    """A PACS that takes C-STORE."""

    host: Host
    port: Port
    ae_title: AeTitle
    tls: TargetTls | None = None


class StowTarget(_Settings):
    """A PACS that takes STOW-RS; `url` is that of its studies, as in http://127.0.0.1:8042/dicom-web/studies."""

    url: Annotated[
        str, Field(pattern=r"^https?://[^/]+/", description="an address such as https://HOST/dicom-web/studies")
    ]
    user: str | None = None
    password_file: File | None = None
    token_file: File | None = None
    authority: File | None = None


class Target(_Settings):
    """Where results go; exactly one of `dicom` and `stow`."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,32}$", description="a short name: letters, digits, _ and -")]
    dicom: DicomTarget | None = None
    stow: StowTarget | None = None
    results: Annotated[list[Result], Field(min_length=1, description=f"some of {', '.join(RESULTS)}")] = Field(
        default=list(RESULTS)
    )
    timeout_seconds: Seconds = 30.0

    @model_validator(mode="after")
    def _has_one_way(self) -> Target:
        if (self.dicom is None) == (self.stow is None):
            raise ValueError(f"target {self.name}: need either dicom or stow")
        return self


class Retries(_Settings):
    """How often a film is tried, and how long the waits are: doubled each time, up to the longest, with jitter.

    As they are: about a day. Then the film lies in failed/.
    """

    tries: Positive = 100
    first_seconds: Seconds = 2.0
    longest_seconds: Seconds = 900.0


class Settings(_Settings):
    """Everything that a node is told."""

    spool: AnyPath = Field(default=Path("spool"), validate_default=True)
    listen: Listen
    server: Scoring = Scoring()
    explanation: Explanation | None = Explanation()  # null: the prediction alone, as a report
    targets: Annotated[list[Target], Field(min_length=1, description="a list of at least one target")]
    retries: Retries = Retries()
    workers: Positive = 2  # films in progress at a time
    metrics_port: Annotated[int, Field(ge=0, le=65535, description="a port number, or 0 for none")] = 9109
    remember_days: Annotated[float, Field(gt=0, description="days, above 0")] = 90.0
    keep_free_mb: Annotated[int, Field(ge=0, description="megabytes, at least 0")] = 500

    @model_validator(mode="after")
    def _targets_differ(self) -> Settings:
        names = [target.name for target in self.targets]
        if len(set(names)) < len(names):
            raise ValueError(f"targets: found the names {', '.join(names)}, need different ones")
        for target in self.targets:
            if self.explanation is None and "report" not in target.results:
                raise ValueError(f"target {target.name}: results without report need an explanation, found null")
        return self


def load_settings(path: Path) -> Settings:
    """The settings in a file.

    Raises:
        ServerError: there is no such file, it is no YAML, or a setting has a value that it does not take.
    """
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ServerError(
            f"found no settings at {path}: write them (docs/how-to/pacs.md), or give --settings"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ServerError(f"{path} cannot be read: {error}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        raise ServerError(f"{path} is no YAML{where}: {getattr(error, 'problem', None) or 'cannot be read'}") from None
    if not isinstance(found, dict):
        raise ServerError(f"{path}: found no settings, need a mapping of names to values (docs/how-to/pacs.md)")
    try:
        return Settings.model_validate(found, context=path.absolute().parent)
    except ValidationError as error:
        raise ServerError(f"{path}: {refusal(error, Settings)}") from None
