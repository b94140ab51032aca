"""Nothing of a request is in any log, in the server's output, or on the metrics page; nor is any token.

Every request below carries MARK somewhere: where a patient's name would be, in damaged elements and bytes that
libraries quote in their complaints, in fields, headers, addresses and tokens. Afterwards MARK is looked for.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
from collections.abc import Iterator

import pydicom
import requests
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import UID as DicomUid
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

from client.multipart import DICOM_OBJECTS
from client.tokens import read_key
from launcher.torchserve_config import read_properties

MARK = "QZMARKZQ"  # 8 characters, which fit every text element of DICOM
UID = "1.2.826.0.1.7331337"  # how the UIDs of the films and of their series begin
PREDICT, EXPLAIN = "/predictions/coronet", "/explanations/coronet"

# Elements of a radiograph that are read, each with a value of 8 characters that MARK can take the place of.
_READ = {
    "SpecificCharacterSet": "ISO_IR 6",
    "BodyPartExamined": "CHEST 00",
    "ViewPosition": "PA 00000",
    "PresentationLUTShape": "IDENTITY",
    "RescaleSlope": "1.000001",
    "RescaleIntercept": "0.000002",
    "WindowCenter": "127.0003",
    "WindowWidth": "255.0004",
    "VOILUTFunction": "LINEAR 5",
    "NumberOfFrames": "00000001",
    "PresentationIntentType": "FOR PRES",
    "PhotometricInterpretation": "MONOCHRO",
    "Modality": "DX      ",
}


def dicom(**elements: str) -> bytes:
    """A radiograph of 32 x 32 pixels of a patient named MARK."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = DicomUid(f"{UID}.1")
    ds = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    ds.SOPClassUID, ds.Modality = DigitalXRayImageStorageForPresentation, "DX"
    ds.PatientName, ds.PatientID, ds.InstitutionName = f"{MARK}^JANE", f"{MARK}-1", f"{MARK} HOSPITAL"
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows = ds.Columns = 32
    ds.BitsAllocated = ds.BitsStored = 8
    ds.HighBit, ds.PixelRepresentation = 7, 0
    ds.PixelData = bytes(range(256)) * 4
    for name, value in elements.items():
        setattr(ds, name, value)
    stream = io.BytesIO()
    ds.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def marked_dicoms() -> Iterator[bytes]:
    """A good one, one for each element that is read with MARK in its place, and damaged ones."""
    yield dicom()
    for name, value in _READ.items():
        whole = dicom(**{name: value})
        assert whole.count(value.encode()) == 1, name
        yield whole.replace(value.encode(), MARK.encode())
    good = dicom()
    yield good[:-500]
    yield good.replace(b"1.2.840.10008.1.2.1", MARK.encode() + b".10008.1.2")  # the transfer syntax
    for vr in (b"US", b"CS"):  # a text where a number belongs, lengths that lead astray
        yield good.replace(vr + b"\x02\x00", vr + b"\x08\x00", 1)
    yield good[:132] + MARK.encode() * 40


def filed_dicoms() -> Iterator[bytes]:
    """A film of a study, with MARK in what results take along; and one whose study is MARK."""
    study = {"StudyInstanceUID": "1.2.10.1", "SeriesInstanceUID": f"{UID}.2"}
    texts = ("ReferringPhysicianName", "StudyDescription", "AccessionNumber", "StudyID", "IssuerOfPatientID")
    film = dicom(**study, **dict.fromkeys(texts, MARK), PatientName=MARK)  # no "^": libraries warn of such names
    yield film
    yield film.replace(b"1.2.10.1", MARK.encode())


def marked_pictures() -> Iterator[bytes]:
    """Damaged pictures with MARK in texts and in bytes that decoders meet."""
    image = Image.effect_noise((64, 64), 60)
    exif = Image.Exif()
    exif[270] = exif[305] = exif[315] = MARK  # description, software, artist
    for kind, options in (("PNG", {}), ("JPEG", {"comment": MARK}), ("WEBP", {}), ("TIFF", {})):
        stream = io.BytesIO()
        image.save(stream, format=kind, exif=exif, **options)
        whole = stream.getvalue()
        yield whole
        for at in (24, 40, len(whole) // 3, len(whole) // 2, len(whole) - 100):
            yield whole[:at] + MARK.encode() * 3 + whole[at + 24 :]
            yield whole[:at] + MARK.encode()
    yield MARK.encode() * 20


def ask(server, path: str, *, token: str | None = None, headers: dict[str, str] | None = None, **arguments) -> int:
    sent = {"Authorization": f"Bearer {token or server.token.read()}", **(headers or {})}
    return requests.post(server.url + path, headers=sent, timeout=120, **arguments).status_code


def send_everything(server) -> list[int]:
    """All requests, with MARK in every place that a request has; their statuses."""
    good = dicom()
    text = base64.b64encode(good).decode()
    statuses = [ask(server, PREDICT, data=body) for body in (*marked_dicoms(), *marked_pictures())]
    statuses += [ask(server, EXPLAIN, files={"data": body}) for body in (MARK.encode(), good[:-500])]
    for fields in ({"method": MARK}, {"target": MARK}, {"steps": MARK}, {MARK: "1"}, {"format": MARK}):
        statuses.append(ask(server, EXPLAIN, data=fields, files={"data": (f"{MARK}.dcm", good)}))
    for film in filed_dicoms():  # answered in DICOM, which carries the patient on
        for accept in (DICOM_OBJECTS, "application/dicom"):
            statuses.append(ask(server, PREDICT, data=film, headers={"Accept": accept}))
        fields = {"method": "saliency", "format": "dicom"}
        statuses.append(ask(server, EXPLAIN, data=fields, files={"data": film}))
    json_type = {"Content-Type": "application/json"}
    for body in (
        f'{{"data": "{MARK}"',
        f'{{"data": {MARK}}}',
        f'"{MARK}',
        f'{{"{MARK}": 1}}',
        f'{{"data": "\\{MARK}"}}',
        json.dumps({"instances": [{"data": text}, {"data": MARK}]}),
        json.dumps([MARK]),
        "[" * 100_000 + MARK,
    ):
        statuses.append(ask(server, PREDICT, data=body, headers=json_type))
    for kind in ("application/json", "text/plain"):  # not UTF-8: TorchServe logs that it could not decode
        statuses.append(ask(server, PREDICT, data=b"\xff\xfe" + MARK.encode(), headers={"Content-Type": kind}))
    statuses += [
        ask(server, PREDICT, data=good, headers={"X-Patient": MARK, "User-Agent": MARK, "Referer": f"http://{MARK}/"}),
        ask(server, PREDICT, data=good, headers={"Content-Type": f"image/{MARK}"}),
        ask(server, PREDICT, data=b"--x", headers={"Content-Type": f"multipart/form-data; boundary={MARK}"}),
        ask(server, f"{PREDICT}?patient={MARK}", data=good),
        ask(server, f"{PREDICT}/1.0/{MARK}", data=good),
        ask(server, f"{PREDICT}/{MARK}", data=good),
        ask(server, f"/predictions/{MARK}", data=good),
        ask(server, f"/{MARK}/path", data=good),
        ask(server, PREDICT, token=MARK, data=good),
        ask(server, PREDICT, headers={"Authorization": MARK}, data=good),
    ]
    return statuses + manage(server)


def manage(server) -> list[int]:
    """The same on the management port."""
    key = read_key(server.token.file, "management")
    statuses = []
    for method, path in (
        ("GET", f"/models/{MARK}"),
        ("GET", f"/models/coronet/{MARK}"),
        ("GET", f"/models/coronet?x={MARK}"),
        ("GET", f"/models?limit={MARK}"),
        ("PUT", f"/models/coronet?min_worker=2&max_worker=2&synchronous={MARK}"),
        ("PUT", f"/models/{MARK}?min_worker=1"),
        ("PUT", f"/models/coronet/{MARK}/set-default"),
        ("POST", f"/models?url={MARK}.mar"),
        ("POST", f"/workflows?url=http://127.0.0.1:1/{MARK}.war"),
        ("DELETE", f"/workflows/{MARK}"),
        ("GET", f"/token?type={MARK}"),
        ("GET", f'/"{MARK}" x'),
        (MARK, "/models"),
    ):
        for token in (key, MARK):
            headers = {"Authorization": f"Bearer {token}"}
            response = requests.request(method, server.management_url + path, headers=headers, timeout=30)
            statuses.append(response.status_code)
    return statuses


def kept(server) -> dict[str, str]:
    """Everything that stays: each file under the server's directory but its keys, its output, the metrics page."""
    found = {}
    for path in server.logs.parent.rglob("*"):
        if path.is_file() and path != server.token.file:
            content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            found[path.name] = content.decode("utf-8", "replace")
    found["output"] = "\n".join(server.log._lines)
    settings = read_properties(server.logs.parent / "config.properties")
    found["metrics"] = requests.get(settings["metrics_address"] + "/metrics", timeout=30).text
    return found


def test_nothing_of_a_request_is_kept(server):
    with pydicom.config.disable_value_validation():
        statuses = send_everything(server)
    assert statuses.count(200) > 10  # good ones were among them ...
    assert sum(400 <= status < 500 for status in statuses) > 30  # ... and bad ones
    found = kept(server)
    assert {"access_log.log", "model_log.log", "ts_log.log"} <= set(found)
    lines = [f"{name}: {line}" for name, text in found.items() for line in text.splitlines()]
    keys = [read_key(server.token.file, kind) for kind in ("inference", "management", "API")]
    assert '"POST /predictions/coronet" 200' in found["access_log.log"]  # what is known stays in the log
    for secret in (MARK, UID, *keys):
        told = [line for line in lines if secret.lower() in line.lower()]
        assert not told, "\n".join(told)
