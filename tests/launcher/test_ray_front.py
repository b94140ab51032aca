"""What `coronet serve --front ray` checks before it starts anything, and what it tells the front's process."""

from __future__ import annotations

import json
import stat
from zipfile import ZipFile

import pytest

from fronts.ray_serve.settings import FrontSettings
from launcher import ray_front as module
from launcher.mounted_keys import MountedKeys
from launcher.ray_front import ray_front, write_keys
from launcher.torchserve_config import free_ports
from model_src.errors import ServerError


@pytest.fixture
def store(tmp_path):
    """A model store whose archive holds nothing to run."""
    (tmp_path / "store").mkdir()
    with ZipFile(tmp_path / "store" / "coronet.mar", "w") as archive:
        archive.writestr("MAR-INF/MANIFEST.json", "{}")
    return tmp_path / "store"


class Stopped(Exception):
    """Instead of starting a process."""


@pytest.fixture
def told(monkeypatch):
    """told(**keywords) -> the settings that the front's process would get."""

    def start(store, state, **keywords) -> FrontSettings:
        found = []

        def supervised(command, directory, environment, *, itself):
            assert itself
            found.append((FrontSettings.read(module.Path(command[-1])), environment))
            raise Stopped

        monkeypatch.setattr(module, "supervised", supervised)
        with pytest.raises(Stopped), ray_front(store, state=state, **keywords):
            pass
        ((settings, environment),) = found
        assert "PYTHONPATH" not in environment
        return settings

    return start


def test_what_the_front_is_told(told, store, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "available_cores", lambda: 4)
    monkeypatch.setattr(module, "count_gpus", lambda properties: 0)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    port = _free()
    settings = told(store, tmp_path / "state", port=port, workers=1, most_workers=4, most_explain_workers=2)
    predictions, explanations = settings.pools
    assert (predictions.model, predictions.workers, predictions.most_workers, predictions.threads) == (
        "coronet",
        1,
        4,
        1,
    )
    assert (explanations.model, explanations.workers, explanations.most_workers) == ("coronet-explain", 1, 2)
    assert [(each.threads, each.silence) for each in settings.pools] == [(1, 240), (2, 1800)]
    assert (settings.host, settings.port, settings.metrics_port) == ("127.0.0.1", port, port + 2)
    assert (settings.largest_request, settings.queue) == (33_554_432, 64)  # config.properties'
    assert (settings.key_overlap, settings.dashboard) == (None, False)
    assert not list((tmp_path / "state").glob("key_file.json"))  # gone with the server


def test_given_keys_are_told_by_their_place_and_not_copied(told, store, tmp_path):
    (tmp_path / "keys").write_text("given-0123456789abcdef\n")
    settings = told(store, tmp_path / "state", port=_free(), keys=MountedKeys(tmp_path / "keys", 7.0))
    assert (settings.keys, settings.key_overlap) == (str(tmp_path / "keys"), 7.0)


def test_the_operators_threads_are_those_of_every_worker(told, store, tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert [each.threads for each in told(store, tmp_path / "state", port=_free()).pools] == [3, 3]


def test_one_pool_for_both(told, store, tmp_path):
    (only,) = told(store, tmp_path / "state", port=_free(), workers=2, explain_workers=0).pools
    assert (only.model, only.workers, only.silence) == ("coronet", 2, 1800)


@pytest.mark.parametrize(
    ("keywords", "says"),
    [
        ({"most_workers": 1, "workers": 2}, "found at most 1 workers of coronet and 2 of them always"),
        ({"keys": MountedKeys(module.Path("/nowhere"), 1.0)}, "keys: /nowhere cannot be read"),
    ],
)
def test_what_cannot_be_is_said_before_anything_starts(store, tmp_path, keywords, says):
    with (
        pytest.raises(ServerError, match=says),
        ray_front(store, port=_free(), state=tmp_path / "state", **keywords),
    ):
        pass


def test_a_damaged_archive_is_said(tmp_path):
    (tmp_path / "coronet.mar").write_bytes(b"no zip")
    with pytest.raises(ServerError, match="damaged or cut short"), ray_front(tmp_path):
        pass


def test_keys_that_are_made_are_the_users_own(tmp_path):
    for _ in range(2):
        write_keys(tmp_path / "key_file.json")
    made = json.loads((tmp_path / "key_file.json").read_text())
    assert stat.S_IMODE((tmp_path / "key_file.json").stat().st_mode) == 0o600
    assert made["inference"]["key"] != made["management"]["key"]
    assert len(made["inference"]["key"]) == 32


def _free() -> int:
    return free_ports(1)[0]
