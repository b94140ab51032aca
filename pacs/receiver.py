"""The port that films come to: C-ECHO and C-STORE, from callers on the list alone."""

from __future__ import annotations

import logging
from collections.abc import Callable
from weakref import WeakKeyDictionary

from pydicom.dataset import Dataset
from pynetdicom import AE, AllStoragePresentationContexts, evt
from pynetdicom.association import Association
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from model_src.errors import ServerError
from model_src.imaging.dicom.pixels import TRANSFER_SYNTAXES
from model_src.private_log import error_location
from pacs.film import NO_ROOM, NOT_READ, STORED, Refused
from pacs.settings import MEGABYTE, Listen

logger = logging.getLogger(__name__)
# The library's own log quotes data sets and what others sent.
logging.getLogger("pynetdicom").setLevel(logging.CRITICAL + 1)

# An object that is larger than a film may be is received and refused with a status, which its sender can show. One
# that is larger by this factor would fill the memory: its association is ended.
_ABORT_AT = 8

Take = Callable[[bytes, str], None]  # (file, caller's AE title); raises Refused or OSError


class Receiver:
    """A C-STORE SCP on its own threads. An object has been taken when `take` has returned: then it is answered."""

    def __init__(self, listen: Listen, take: Take) -> None:
        self._listen = listen
        self._take = take
        self._ae = AE(listen.ae_title)
        self._ae.require_calling_aet = list(listen.callers)
        self._ae.require_called_aet = True
        self._ae.maximum_associations = listen.associations
        self._ae.add_supported_context(Verification)
        # All kinds of objects: what is no film is told so, instead of being left out of the negotiation.
        for context in AllStoragePresentationContexts:
            self._ae.add_supported_context(str(context.abstract_syntax), sorted(TRANSFER_SYNTAXES))
        self._largest = listen.largest_film_mb * MEGABYTE * _ABORT_AT
        self._received: WeakKeyDictionary[Association, int] = WeakKeyDictionary()

    def start(self) -> None:
        """Listen. Raises ServerError for a port that cannot be had."""
        handlers = [
            (evt.EVT_C_STORE, self._store),
            (evt.EVT_C_ECHO, lambda event: STORED),
            (evt.EVT_REJECTED, self._tell_rejection),
            (evt.EVT_DATA_RECV, self._count),
            (evt.EVT_DIMSE_RECV, self._count_anew),
        ]
        listen = self._listen
        try:
            self._ae.start_server(
                (listen.host, listen.port),
                block=False,
                ssl_context=listen.tls.context() if listen.tls else None,
                evt_handlers=handlers,  # type: ignore[arg-type]
            )
        except OSError as error:
            raise ServerError(
                f"listen: {listen.host} port {listen.port} cannot be had ({error.strerror}): "
                "is another node running? Choose another port"
            ) from None

    def stop(self) -> None:
        """Take no more; what is being sent is broken off, and its sender knows that it was not taken."""
        self._ae.shutdown()

    def _store(self, event: evt.Event) -> Dataset:
        caller = _shown(event.assoc.requestor.ae_title)
        try:
            self._take(event.encoded_dataset(), caller)
        except Refused as refused:
            logger.info("refused from %s: %s (status %04X)", caller, refused, refused.status)
            return _response(refused.status, str(refused))
        except OSError as error:
            logger.error("refused from %s: the spool takes nothing: %s", caller, error.strerror)
            return _response(NO_ROOM, f"no room: {error.strerror}")
        except Exception as error:
            logger.error("refused from %s: %s", caller, error_location(error))
            return _response(NOT_READ, "the object cannot be read")
        return _response(STORED, "")

    def _tell_rejection(self, event: evt.Event) -> None:
        asked = event.assoc.requestor.primitive
        if asked is None:
            return
        caller, called = _shown(asked.calling_ae_title), _shown(asked.called_ae_title)
        address = event.assoc.requestor.address
        if called != self._listen.ae_title:
            why = f"it calls {called}, this node is {self._listen.ae_title}: change one of them"
        elif caller not in self._listen.callers:
            why = "it is not on the list: add it to listen.callers, or correct its AE title"
        else:
            why = f"{self._listen.associations} associations are open: see listen.associations"
        logger.warning("rejected an association of %s at %s: %s", caller, address, why)

    def _count(self, event: evt.Event) -> None:
        received = self._received.get(event.assoc, 0) + len(event.data)
        self._received[event.assoc] = received
        if received > self._largest:
            self._received[event.assoc] = 0
            logger.warning(
                "ended an association of %s: an object of over %d MB, need at most %d MB",
                _shown(event.assoc.requestor.ae_title),
                self._largest // MEGABYTE,
                self._listen.largest_film_mb,
            )
            event.assoc.dul.event_queue.put("Evt19")  # as for a message that makes no sense: abort

    def _count_anew(self, event: evt.Event) -> None:
        self._received[event.assoc] = 0


def _response(status: int, comment: str) -> Dataset:
    response = Dataset()
    response.Status = status
    if comment:
        response.ErrorComment = comment[:64]
    return response


def _shown(ae_title: str | None) -> str:
    """An AE title as it may stand in a log: what somebody sends as one may be anything."""
    return "".join(letter if letter.isascii() and letter.isprintable() else "?" for letter in ae_title or "")[:16]
