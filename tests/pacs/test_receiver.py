"""The port that films come to: who may send, what is answered, and what the log says of it."""

from __future__ import annotations

import errno
import logging
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydicom import uid
from pynetdicom import AE
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from launcher.torchserve_config import free_ports
from model_src.errors import ServerError
from pacs import receiver as module
from pacs.film import NO_CLASS, NO_MATCH, NO_PIXELS, NO_ROOM, NOT_FRONTAL, NOT_READ, TOO_LARGE, check_film
from pacs.receiver import Receiver
from pacs.settings import MEGABYTE, Listen, ListenTls
from tests.fixtures.films import MARK, answers, film, send
from tests.fixtures.pynetdicom_sockets import UNCLOSED

pytestmark = UNCLOSED
LARGEST = MEGABYTE


class Taken(list[bytes]):
    """What came; `fail` may raise."""

    fail: Callable[[], None] = staticmethod(lambda: None)

    def __call__(self, data: bytes, caller: str) -> None:
        check_film(data, LARGEST)
        self.fail()
        self.append(data)


@pytest.fixture
def taken() -> Taken:
    return Taken()


@pytest.fixture
def port() -> int:
    return free_ports(1)[0]


@pytest.fixture
def receiver(taken: Taken, port: int, caplog) -> Iterator[Receiver]:
    caplog.set_level(logging.INFO)
    found = Receiver(Listen(port=port, callers=["SENDER"], largest_film_mb=1), taken)
    found.start()
    yield found
    found.stop()


def lines(caplog) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == module.__name__]


def test_a_film_is_taken_as_it_was_sent(receiver, taken, port):
    assert send(port, [film(1), film(2)]) == [0, 0]
    assert [data[data.index(MARK.encode()) :] for data in taken] == [
        data[data.index(MARK.encode()) :] for data in (film(1), film(2))
    ]


@pytest.mark.parametrize(
    ("header", "status", "says"),
    [
        ({"SOPClassUID": uid.CTImageStorage, "Modality": "CT"}, NO_CLASS, "found CT Image Storage, need CR or DX"),
        ({"ViewPosition": "LL"}, NOT_FRONTAL, "found a lateral or other view, need a frontal one (PA, AP)"),
        ({"PixelData": None}, NO_PIXELS, "found no pixel data, need an image"),
        ({"StudyInstanceUID": None}, NO_MATCH, "found no valid StudyInstanceUID, need one"),
    ],
)
def test_what_is_no_film_is_refused_where_it_came_from_and_in_one_line(receiver, port, caplog, header, status, says):
    (answer,) = answers(port, [film(1, **header)])
    assert (answer.Status, answer.ErrorComment) == (status, says)
    assert lines(caplog) == [f"refused from SENDER: {says} (status {status:04X})"]
    assert MARK not in caplog.text


def test_one_that_is_refused_does_not_harm_its_neighbours(receiver, taken, port):
    assert send(port, [film(1), film(2, ViewPosition="LL"), film(3)]) == [0, NOT_FRONTAL, 0]
    assert len(taken) == 2


def test_a_film_that_is_too_large_is_told_so(receiver, port, caplog):
    (answer,) = answers(port, [film(1, size=1200)])  # 2.9 MB
    assert (answer.Status, answer.ErrorComment) == (TOO_LARGE, "found 3 MB, need at most 1 MB")


def test_what_would_fill_the_memory_is_not_received(receiver, taken, port, caplog):
    assert send(port, [film(1, size=2400)]) == [None]  # 11.5 MB
    assert lines(caplog) == ["ended an association of SENDER: an object of over 8 MB, need at most 1 MB"]
    assert send(port, [film(number, size=600) for number in range(13)]) == [0] * 13  # 9.4 MB in all
    assert len(taken) == 13


@pytest.mark.parametrize(
    ("calling", "called", "says"),
    [
        ("STRANGER", "CORONET", "STRANGER at 127.0.0.1: it is not on the list: add it to listen.callers"),
        ("SENDER", "CORONA", "SENDER at 127.0.0.1: it calls CORONA, this node is CORONET: change one of them"),
    ],
)
def test_wrong_titles_get_no_association(receiver, taken, port, caplog, calling, called, says):
    assert send(port, [film(1)], calling, called) == [None]
    assert taken == []
    (line,) = lines(caplog)
    assert says in line


def test_a_full_disk_is_out_of_resources(receiver, taken, port, caplog):
    def full() -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/spool/Jane")

    taken.fail = full
    (answer,) = answers(port, [film(1)])
    assert (answer.Status, answer.ErrorComment) == (NO_ROOM, "no room: No space left on device")
    assert lines(caplog) == ["refused from SENDER: the spool takes nothing: No space left on device"]


def test_a_defect_of_ours_tells_nothing_of_the_film(receiver, taken, port, caplog):
    def defect() -> None:
        raise ValueError(MARK)

    taken.fail = defect
    assert send(port, [film(1)]) == [NOT_READ]
    assert "ValueError at " in caplog.text
    assert MARK not in caplog.text


def test_an_echo_is_answered(receiver, port):
    entity = AE("SENDER")
    entity.add_requested_context(Verification)
    association = entity.associate("127.0.0.1", port, ae_title="CORONET")
    assert association.send_c_echo().Status == 0
    association.release()


def test_a_port_in_use_is_one_line(receiver, port):
    with pytest.raises(ServerError, match=f"port {port} cannot be had"):
        Receiver(Listen(port=port, callers=["SENDER"]), Taken()).start()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself, and its key; by openssl, which Debian has wherever it has TLS."""
    folder = tmp_path_factory.mktemp("tls")
    key, pem = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-keyout", key, "-out", pem, "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return pem, key


def test_over_tls_with_certificates_on_both_sides(certificate, taken, port):
    pem, key = certificate
    tls = ListenTls(certificate=pem, key=key, authority=pem)
    receiver = Receiver(Listen(port=port, callers=["SENDER"], tls=tls), taken)
    receiver.start()
    try:
        entity = AE("SENDER")
        entity.acse_timeout = entity.connection_timeout = entity.network_timeout = 5
        entity.add_requested_context(Verification)
        context = ssl.create_default_context(cafile=pem)
        without = entity.associate("127.0.0.1", port, ae_title="CORONET", tls_args=(context, "127.0.0.1"))
        assert not without.is_established
        context.load_cert_chain(pem, key)
        association = entity.associate("127.0.0.1", port, ae_title="CORONET", tls_args=(context, "127.0.0.1"))
        assert association.send_c_echo().Status == 0
        association.release()
        assert send(port, [film(1)]) == [None]  # without TLS
    finally:
        receiver.stop()
