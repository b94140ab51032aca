"""Where the token comes from, in order, and what is said when there is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from client.tokens import ServerRecord, find_token, read_key, read_record, state_directory, write_record
from model_src.errors import ServerError

URL = "http://127.0.0.1:8080"


@pytest.fixture(autouse=True)
def _own_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("CORONET_TOKEN", raising=False)


def key_file(directory: Path, key: str) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "key_file.json"
    keys = {
        "management": {"key": "m"},
        "inference": {"key": key, "expiration time": "later"},
        "API": {"key": "a"},
    }
    path.write_text(json.dumps(keys))
    return path


def serve_on(port: int, key: str) -> None:
    """What `coronet serve` leaves."""
    path = key_file(state_directory(port), key)
    write_record(ServerRecord(f"http://127.0.0.1:{port}", "http://127.0.0.1:8081", 123, str(path)), path.parent)


def test_the_nearest_source_wins(monkeypatch, tmp_path):
    serve_on(8080, "served")
    assert find_token(URL).read() == "served"
    monkeypatch.setenv("CORONET_TOKEN", "environment")
    assert find_token(URL).read() == "environment"
    path = key_file(tmp_path, "file")
    assert find_token(URL, None, path).read() == "file"
    assert find_token(URL, "given", path).read() == "given"


@pytest.mark.parametrize("url", ["http://localhost:8080", "http://127.0.0.1:8080/", "http://[::1]:8080"])
def test_names_of_this_machine(url):
    serve_on(8080, "served")
    assert find_token(url).read() == "served"


@pytest.mark.parametrize("url", ["http://example.org:8080", "http://127.0.0.1:9090", "http://127.0.0.1"])
def test_a_local_key_goes_to_no_other_server(url):
    serve_on(8080, "served")
    with pytest.raises(ServerError, match=f"no token for {url}: .*--token-file.*CORONET_TOKEN"):
        find_token(url)


def test_each_port_has_its_own_server():
    serve_on(8080, "first")
    serve_on(9090, "second")
    assert find_token("http://127.0.0.1:9090").read() == "second"
    assert find_token(URL).management_url == "http://127.0.0.1:8081"


def test_a_server_without_tokens():
    directory = state_directory(8080)
    write_record(ServerRecord(URL, "http://127.0.0.1:8081", 123, None), directory)
    assert find_token(URL).read() is None


def test_a_damaged_record_counts_as_none():
    serve_on(8080, "served")
    (state_directory(8080) / "server.json").write_text("{")
    assert read_record(8080) is None


def test_key_file_kinds(tmp_path):
    path = key_file(tmp_path, "i")
    assert [read_key(path, kind) for kind in ("inference", "management", "API")] == ["i", "m", "a"]
    path.write_text("token-alone\n")
    assert read_key(path, "inference") == "token-alone"


def test_of_several_keys_the_first_is_sent(tmp_path):
    path = tmp_path / "keys"
    path.write_text("first\n\nsecond\n")
    assert read_key(path, "inference") == "first"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"inference": 3}', '{"management": {"key": "m"}}', "two words"])
def test_a_file_without_a_key(tmp_path, text):
    path = tmp_path / "key_file.json"
    path.write_text(text)
    with pytest.raises(ServerError, match="holds no inference key: need"):
        read_key(path, "inference")


def test_a_missing_file(tmp_path):
    with pytest.raises(ServerError, match="is missing: check the path"):
        read_key(tmp_path / "key_file.json", "inference")


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch):
    monkeypatch.delenv("XDG_STATE_HOME")

    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", no_home)
    with pytest.raises(ServerError, match="set HOME or XDG_STATE_HOME"):
        find_token(URL)
    assert find_token(URL, token="given").read() == "given"


def test_an_address_without_a_scheme_is_named_before_its_token():
    with pytest.raises(ServerError, match="has no scheme: need one like http://localhost:8080"):
        find_token("localhost:8080")
