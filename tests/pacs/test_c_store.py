"""Results by C-STORE: what each answer of a PACS means."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydicom import uid
from pynetdicom import AE, evt
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from launcher.torchserve_config import free_ports
from pacs.c_store import StoreSender
from pacs.delivery import Later, Rejected
from pacs.settings import DicomTarget
from tests.fixtures.films import film
from tests.fixtures.pynetdicom_sockets import UNCLOSED

pytestmark = UNCLOSED
OBJECTS = {"report": film(1), "map": film(2)}


class Pacs:
    """Answers every object with `status`; takes CR alone, in these transfer syntaxes."""

    def __init__(self, *takes: str) -> None:
        self.status = 0x0000
        self.got: list[str] = []
        self.syntaxes: set[str] = set()
        self.entity = AE("PACS")
        self.entity.require_called_aet = True
        self.entity.add_supported_context(
            uid.ComputedRadiographyImageStorage, list(takes) or [uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian]
        )
        self.entity.add_supported_context(Verification)
        (self.port,) = free_ports(1)
        handlers = [(evt.EVT_C_STORE, self._store)]
        self.entity.start_server(("127.0.0.1", self.port), block=False, evt_handlers=handlers)

    def _store(self, event: evt.Event) -> int:
        self.got.append(str(event.request.AffectedSOPInstanceUID))
        self.syntaxes.add(event.context.transfer_syntax)
        return self.status

    def sender(self, title: str = "PACS") -> StoreSender:
        return StoreSender(DicomTarget(host="127.0.0.1", port=self.port, ae_title=title), "CORONET", timeout=5)


@pytest.fixture
def pacs() -> Iterator[Pacs]:
    found = Pacs()
    yield found
    found.entity.shutdown()


@pytest.mark.parametrize("status", [0x0000, 0x0111, 0xB000, 0xB006, 0xB007])
def test_what_counts_as_stored(pacs, status):
    pacs.status = status
    pacs.sender().send(OBJECTS)
    assert len(pacs.got) == 2


@pytest.mark.parametrize("status", [0xA700, 0xA7FF, 0x0110])
def test_what_may_pass(pacs, status):
    pacs.status = status
    with pytest.raises(Later, match=f"report: status {status:04X}"):
        pacs.sender().send(OBJECTS)


# The last three are no answers to a C-STORE at all: cancel, pending, and a number that DICOM does not know.
@pytest.mark.parametrize("status", [0xA900, 0xC000, 0x0124, 0x0122, 0xFE00, 0xFF00, 0x1234])
def test_what_does_not_pass_names_each_object_that_it_concerns(pacs, status):
    pacs.status = status
    with pytest.raises(Rejected, match=f"report: status {status:04X}.*; map: status {status:04X}"):
        pacs.sender().send(OBJECTS)


@pytest.mark.parametrize(
    ("takes", "used"),
    [((), uid.ExplicitVRLittleEndian), ((uid.ImplicitVRLittleEndian,), uid.ImplicitVRLittleEndian)],
)
def test_objects_go_as_they_are_and_in_the_default_transfer_syntax_to_a_pacs_that_takes_it_alone(takes, used):
    pacs = Pacs(*takes)
    try:
        pacs.sender().send(OBJECTS)
    finally:
        pacs.entity.shutdown()
    assert (len(pacs.got), pacs.syntaxes) == (2, {used})


def test_a_kind_that_the_pacs_does_not_take_keeps_nothing_else_from_it(pacs):
    other = film(3, SOPClassUID=uid.ParametricMapStorage)
    with pytest.raises(Rejected, match=r"^map: it does not take Parametric Map Storage$"):
        pacs.sender().send({"map": other, "report": film(1)})
    assert len(pacs.got) == 1


def test_a_wrong_title_says_what_to_do(pacs):
    with pytest.raises(Later, match="Called AE title not recognised: it has another AE title than NOBODY"):
        pacs.sender("NOBODY").send(OBJECTS)
    pacs.entity.require_calling_aet = ["SOMEBODY"]
    with pytest.raises(Later, match="Calling AE title not recognised: add CORONET there"):
        pacs.sender().send(OBJECTS)
    assert "add CORONET there" in pacs.sender().check()


def test_a_check_says_nothing_of_a_pacs_that_answers(pacs):
    assert pacs.sender().check() == ""


def test_a_pacs_that_is_away_says_so(pacs):
    pacs.entity.shutdown()
    with pytest.raises(Later, match=f"no association with PACS at 127.0.0.1 port {pacs.port}"):
        pacs.sender().send(OBJECTS)
    assert "it does not answer" in pacs.sender().check()
