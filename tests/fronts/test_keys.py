"""Keys as files: what is read, what is refused, how long a key stays good, and exchanges as Kubernetes makes them."""

from __future__ import annotations

import pytest

from fronts.keys import FixedKey, KeyRing, own_key_file, read_keys
from model_src.errors import ServerError
from tests.fixtures.secret import Secret

OLD, NEW, THIRD = ("old-0123456789abcdef", "new-0123456789abcdef", "third-0123456789abcdef")


class Clock:
    """Seconds that pass when a test says so."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_every_file_of_a_directory_is_a_key_and_hidden_ones_are_none(tmp_path):
    Secret(tmp_path / "keys", current=NEW, previous=OLD)
    assert read_keys(tmp_path / "keys") == {"current": NEW, "previous": OLD}


def test_every_line_of_a_file_is_a_key(tmp_path):
    (tmp_path / "keys").write_text(f"{NEW}\n\n  {OLD}  \r\n")
    assert read_keys(tmp_path / "keys") == {"line 1": NEW, "line 3": OLD}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "found 0 keys"),
        ("short", "found a key of 5 characters, need 16 to 4096"),
        ("two words of a key, 123", "characters that no key has"),
        ("schlüssel-0123456789abcdef", "characters that no key has"),
        ("x" * 5000, "found a key of 5000 characters"),
        ("\n".join(f"{OLD}{i}" for i in range(101)), "found 101 keys"),
    ],
)
def test_what_can_be_no_key_is_refused_and_not_quoted(tmp_path, content, says):
    (tmp_path / "keys").write_text(content)
    with pytest.raises(ServerError, match=says) as error:
        read_keys(tmp_path / "keys")
    assert not content or content[:12] not in str(error.value)


def test_what_cannot_be_read(tmp_path):
    with pytest.raises(ServerError, match="cannot be read"):
        read_keys(tmp_path / "missing")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ServerError, match="holds no text"):
        read_keys(tmp_path / "binary")


def test_which_file_our_own_commands_read(tmp_path):
    Secret(tmp_path / "one", b=OLD, a=NEW)
    Secret(tmp_path / "two", a=OLD, current=NEW)
    (tmp_path / "file").write_text(OLD)
    assert own_key_file(tmp_path / "one") == tmp_path / "one" / "a"
    assert own_key_file(tmp_path / "two") == tmp_path / "two" / "current"
    assert own_key_file(tmp_path / "file") == tmp_path / "file"


def test_old_and_new_are_good_for_the_overlap_and_then_the_new_alone(tmp_path, clock):
    secret = Secret(tmp_path / "keys", current=OLD)
    ring = KeyRing(tmp_path / "keys", overlap=60, clock=clock)
    assert (ring.opens(OLD), ring.opens(NEW), ring.opens("")) == (True, False, False)
    secret.put(current=NEW)
    assert not ring.opens(NEW)  # not read yet
    ring.refresh()
    assert (ring.opens(OLD), ring.opens(NEW)) == (True, True)
    clock.now = 59
    ring.refresh()  # does not prolong it
    assert ring.opens(OLD)
    clock.now = 61
    assert (ring.opens(OLD), ring.opens(NEW)) == (False, True)


def test_a_key_that_comes_back_stays(tmp_path, clock):
    secret = Secret(tmp_path / "keys", current=OLD)
    ring = KeyRing(tmp_path / "keys", overlap=60, clock=clock)
    for keys in ({"current": NEW}, {"current": NEW, "again": OLD}):
        secret.put(**keys)
        ring.refresh()
    clock.now = 1000
    assert ring.opens(OLD)


def test_without_overlap_a_key_is_gone_at_once(tmp_path, clock):
    secret = Secret(tmp_path / "keys", current=OLD, next=NEW)
    ring = KeyRing(tmp_path / "keys", overlap=0, clock=clock)
    secret.put(current=NEW)
    ring.refresh()
    assert (ring.opens(OLD), ring.opens(NEW)) == (False, True)


@pytest.mark.parametrize("trouble", ["gone", "empty", "damaged"])
def test_trouble_changes_nothing_and_is_said_once(tmp_path, clock, caplog, trouble):
    path = tmp_path / "keys"
    path.write_text(OLD)
    ring = KeyRing(path, overlap=0, clock=clock)
    path.unlink()
    if trouble != "gone":
        path.write_text("" if trouble == "empty" else "no key")
    for _ in range(3):
        ring.refresh()
    assert ring.opens(OLD)
    assert len([each for each in caplog.records if "stay good" in each.message]) == 1
    path.write_text(NEW)
    ring.refresh()
    assert (ring.opens(OLD), ring.opens(NEW)) == (False, True)


def test_a_key_with_bytes_of_another_alphabet_is_wrong_and_no_failure(tmp_path):
    (tmp_path / "keys").write_text(OLD)
    for keys in (KeyRing(tmp_path / "keys", overlap=0), FixedKey(OLD)):
        assert not keys.opens("\xfc\udcff")
        assert keys.opens(OLD)
