"""What TorchServe says of its workers, asked again with a new key when the old one has expired."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from client.tokens import TokenSource
from client.worker_status import describe

EXPIRED = (400, {"code": 400, "type": "InvalidKeyException", "message": "Token Authorization failed."})


def write_keys(path: Path, management: str) -> None:
    path.write_text(json.dumps({kind: {"key": key} for kind, key in (("management", management), ("API", "api"))}))


@pytest.fixture
def source(fake_server, tmp_path) -> TokenSource:
    write_keys(tmp_path / "key_file.json", "old")
    return TokenSource(file=tmp_path / "key_file.json", management_url=fake_server.url)


def test_an_expired_management_key_is_renewed(fake_server, source):
    def management(request):
        if request.path == "/token?type=management":
            assert request.headers["authorization"] == "Bearer api"
            write_keys(source.file, "new")

    fake_server.on_request = management
    fake_server.answers = [EXPIRED, (200, {}), (200, [{"modelName": "coronet"}])]
    assert describe(source, "coronet") == {"modelName": "coronet"}
    assert [request.headers["authorization"] for request in fake_server.requests] == [
        "Bearer old",
        "Bearer api",
        "Bearer new",
    ]


def test_one_that_cannot_be_renewed_is_no_description(fake_server, source):
    fake_server.answers = [EXPIRED, (400, {})]
    assert describe(source, "coronet") == {}
    assert len(fake_server.requests) == 2
