"""Any config.properties is read, or is a ServerError; and what was written is read again."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from launcher import torchserve_config
from launcher.torchserve_config import read_properties, settle_addresses
from model_src.errors import ServerError

# Texts without line breaks (a setting is one line) and without the signs that have a meaning where they are put.
WORDS = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=12)
NAMES = WORDS.filter(lambda name: "=" not in name and name[0] not in "#!")
ADDRESSES = st.sampled_from(["http://", "http://127.0.0.1:", "http://[", "https://", "unix:", ""])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.properties"


@given(content=st.binary(max_size=200))
def test_any_file_is_read_or_refused(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    try:
        settings = read_properties(file)
    except ServerError:
        return
    assert all(name == name.strip() and value == value.strip() for name, value in settings.items())


@given(settings=st.dictionaries(NAMES, WORDS, max_size=5), comment=st.text(st.characters(categories=("L", "N"))))
def test_settings_are_read_as_written(file: Path, settings: dict[str, str], comment: str) -> None:
    lines = [f"# {comment}=1", *(f" {name} = {value}" for name, value in settings.items()), "", f"!{comment}=2"]
    file.write_text("\n".join(lines), encoding="utf-8")
    assert read_properties(file) == settings


@given(
    properties=st.dictionaries(
        st.sampled_from(["inference_address", "management_address", "metrics_address"]),
        st.builds(lambda head, rest: head + rest, ADDRESSES, st.text(max_size=8)),
    )
)
@example(properties={"inference_address": "http://127.0.0.1:99999"})
@example(properties={"inference_address": "http://[::1"})
@example(properties={"inference_address": "http://\u00e4"})
def test_any_addresses_are_settled_or_refused(monkeypatch: pytest.MonkeyPatch, properties: dict[str, str]) -> None:
    monkeypatch.setattr(torchserve_config, "is_free", lambda port, host: True)  # asks no name server
    try:
        addresses = settle_addresses(properties)
    except ServerError:
        return
    assert addresses.inference != addresses.metrics
    assert addresses.inference.isascii()
    assert 0 < addresses.port < 65536
