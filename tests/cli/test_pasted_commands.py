"""Commands of the documents that are long enough to go wrong, typed as they stand there."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "ask-a-server.md"


def test_a_film_in_json_is_sent_from_a_file(fake_server, tmp_path):
    if shutil.which("curl") is None:
        pytest.skip("needs curl")
    film = bytes(range(256)) * 12_000  # 3 MB: longer than a command line may be
    (tmp_path / "chest.png").write_bytes(film)
    lines = re.findall(r"^.*request\.json.*$", PAGE.read_text(), flags=re.M)
    typed = [line.replace("http://127.0.0.1:8080", fake_server.url) for line in lines if not line.startswith("A film")]
    script = "\n".join(['ask() { curl -s -H "Authorization: Bearer secret" "$@"; }', *typed])
    done = subprocess.run(["bash", "-ec", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["label"] == "COVID-19"
    (request,) = fake_server.requests
    assert request.headers["content-type"] == "application/json"
    assert base64.b64decode(json.loads(request.body)["data"]) == film
