"""Results to a PACS by C-STORE."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO

from pydicom import dcmread
from pydicom.dataset import FileDataset
from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom import AE, build_context
from pynetdicom.association import Association
from pynetdicom.presentation import PresentationContext
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]
from pynetdicom.status import STATUS_SUCCESS, STATUS_WARNING, STORAGE_SERVICE_CLASS_STATUS, code_to_category

from pacs.delivery import Later, Rejected
from pacs.settings import DicomTarget

_HAS_IT = 0x0111  # duplicate SOP instance: some archives say so of what they have
_PASSING = (*range(0xA700, 0xA800), 0x0110, 0x0213)  # out of resources, processing failure, resource limitation


class StoreSender:
    """Sends over a new association each time.

    Args:
        target: where to.
        own_title: the calling AE title.
        timeout: seconds to wait for each answer.
    """

    def __init__(self, target: DicomTarget, own_title: str, timeout: float) -> None:
        self._target = target
        self._tls = (target.tls.context(), target.host) if target.tls else None
        self._own_title = own_title
        self._timeout = timeout

    def send(self, objects: Mapping[str, bytes]) -> None:
        """As in `Sender`."""
        files = {name: dcmread(BytesIO(content)) for name, content in objects.items()}
        contexts = {context for file in files.values() for context in _contexts(file)}
        refused: list[str] = []
        with self._association([build_context(*key) for key in sorted(contexts)]) as association:
            taken = {context.abstract_syntax for context in association.accepted_contexts}
            for name, file in files.items():
                if file.SOPClassUID not in taken:
                    refused.append(f"{name}: it does not take {file.SOPClassUID.name}")
                else:
                    refused += self._store(association, name, file)
        if refused:
            raise Rejected("; ".join(refused))

    def check(self) -> str:
        """As in `Sender`, by C-ECHO."""
        try:
            with self._association([build_context(Verification)]) as association:
                status = association.send_c_echo()
                return "" if "Status" in status and status.Status == 0 else "it does not answer a C-ECHO"
        except Later as error:
            return str(error)

    def _store(self, association: Association, name: str, file: FileDataset) -> list[str]:
        """Why the target refuses an object: a list of one, or of none. Raises Later."""
        answer = association.send_c_store(file)
        if "Status" not in answer:
            raise Later(f"{name}: the association broke off, or nothing came within {self._timeout:g} s")
        status = int(answer.Status)
        if status == _HAS_IT or code_to_category(status) in (STATUS_SUCCESS, STATUS_WARNING):
            return []
        meaning = STORAGE_SERVICE_CLASS_STATUS[status][1] if status in STORAGE_SERVICE_CLASS_STATUS else "unknown"
        why = f"{name}: status {status:04X} ({meaning})"
        if status in _PASSING:
            raise Later(why)
        return [why]

    @contextmanager
    def _association(self, contexts: list[PresentationContext]) -> Iterator[Association]:
        """An association that is established, and released at the end. Raises Later where there is none."""
        entity = AE(self._own_title)
        entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = self._timeout
        entity.connection_timeout = self._timeout
        association = entity.associate(
            self._target.host, self._target.port, contexts, self._target.ae_title, tls_args=self._tls
        )
        if not association.is_established:
            raise Later(_why_not(association, self._own_title, self._target))
        try:
            yield association
        finally:
            if association.is_established:
                association.release()


def _contexts(file: FileDataset) -> list[tuple[str, str]]:
    """What is proposed for a file: its own transfer syntax, and the one that everybody has to offer (PS3.5, 10.1).

    A PACS may take the latter alone; then pynetdicom writes the file in it.
    """
    syntaxes = (str(file.file_meta.TransferSyntaxUID), str(ImplicitVRLittleEndian))
    return [(str(file.SOPClassUID), syntax) for syntax in syntaxes]


def _why_not(association: Association, own_title: str, target: DicomTarget) -> str:
    """Why there is no association, and what to do."""
    answer = association.acceptor.primitive
    if association.is_rejected and answer is not None:
        known = {3: f"add {own_title} there", 7: f"it has another AE title than {target.ae_title}"}
        todo = known.get(answer.diagnostic or 0, "") if answer.result_source == 1 else ""
        why = f"it rejects the association: {answer.reason_str}"
        return f"{why}: {todo}" if todo else why
    return f"no association with {target.ae_title} at {target.host} port {target.port}: it does not answer"
