"""Writers of small image files, for tests that read them back."""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import gdcm
import numpy as np
import pydicom
from PIL import Image
from pydicom import uid
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, get_frame


def write_picture(picture: np.ndarray | Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """Save an array or a Pillow image in a format of Pillow's, with its options."""
    image = Image.fromarray(picture) if isinstance(picture, np.ndarray) else picture
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def write_tiff(
    samples: np.ndarray,
    order: Literal["<", ">"] = "<",
    photometric: int = 1,
    tags: dict[int, int | Sequence[int]] | None = None,
) -> bytes:
    """An uncompressed TIFF of one strip, for layouts that Pillow does not write.

    `samples` is (H, W) or (H, W, C), stored in byte order "<" or ">"; `tags` adds or changes SHORT tags.
    """
    height, width, channels = (*samples.shape, 1)[:3]
    body = samples.astype(samples.dtype.newbyteorder(order)).tobytes()
    values: dict[int, int | Sequence[int]] = {
        256: width,
        257: height,
        258: (8 * samples.itemsize,) * channels,
        259: 1,  # no compression
        262: photometric,
        273: 8,  # where the strip begins
        277: channels,
        278: height,
        279: len(body),
        339: ({"u": 1, "i": 2, "f": 3}[samples.dtype.kind],) * channels,
    } | (tags or {})
    entries, extra = b"", b""
    extra_at = 8 + len(body) + 2 + 12 * len(values) + 4
    for tag, value in sorted(values.items()):
        numbers = (value,) if isinstance(value, int) else tuple(value)
        kind, code = (4, "I") if tag == 279 else (3, "H")
        packed = struct.pack(f"{order}{len(numbers)}{code}", *numbers)
        if len(packed) > 4:
            packed, extra = struct.pack(f"{order}I", extra_at + len(extra)), extra + packed
        entries += struct.pack(f"{order}HHI", tag, kind, len(numbers)) + packed.ljust(4, b"\0")
    magic = b"II*\0" if order == "<" else b"MM\0*"
    directory = struct.pack(f"{order}H", len(values)) + entries + bytes(4)
    return magic + struct.pack(f"{order}I", 8 + len(body)) + body + directory + extra


def write_dicom(
    samples: np.ndarray,
    syntax: uid.UID = uid.ExplicitVRLittleEndian,
    frame: bytes | None = None,
    preamble: bool = True,
    elements: Sequence[DataElement] = (),
    **header: Any,
) -> bytes:
    """Integer samples (H, W) as a chest CR of one frame in a transfer syntax.

    `frame` is the compressed frame, if it is not to be made from the samples. Keywords of elements set or
    (None) remove them; `elements` are added as they are. Without `preamble` the file meta information comes first.
    """
    ds = Dataset()
    ds.SOPClassUID = uid.ComputedRadiographyImageStorage
    ds.SOPInstanceUID = "1.2.3.4"
    ds.Modality = "CR"
    ds.BodyPartExamined = "CHEST"
    ds.PatientName = "Secret^Patient"
    ds.Rows, ds.Columns = samples.shape
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.BitsAllocated = 8 * samples.itemsize
    ds.BitsStored = header.pop("BitsStored", ds.BitsAllocated)
    ds.HighBit = max(ds.BitsStored - 1, 0)
    ds.PixelRepresentation = int(samples.dtype.kind == "i")
    order: Literal["<", ">"] = ">" if syntax == uid.ExplicitVRBigEndian else "<"
    ds.PixelData = samples.astype(samples.dtype.newbyteorder(order)).tobytes()
    ds["PixelData"].VR = "OW" if samples.itemsize == 2 else "OB"
    for keyword, value in header.items():
        if value is None:
            delattr(ds, keyword)
        else:
            setattr(ds, keyword, value)
    for element in elements:
        ds.add(element)
    ds.file_meta = FileMetaDataset()
    ds.file_meta.MediaStorageSOPClassUID = header.get("SOPClassUID") or uid.ComputedRadiographyImageStorage
    ds.file_meta.MediaStorageSOPInstanceUID = uid.UID("1.2.3.4")
    ds.file_meta.TransferSyntaxUID = syntax

    if frame is None and samples.itemsize == 1 and syntax in (uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit):
        frame = write_picture(samples, "JPEG", quality=100)
    by_gdcm = frame is None and syntax in _GDCM_SYNTAXES
    if frame is not None:
        ds.PixelData = encapsulate([frame])
        ds["PixelData"].is_undefined_length = True
    elif by_gdcm:
        ds.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    elif syntax.is_encapsulated:
        ds.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
        ds.compress(syntax, generate_instance_uid=False)
    buffer = BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    data = _compress_by_gdcm(buffer.getvalue(), syntax) if by_gdcm else buffer.getvalue()
    return data if preamble else data[132:]


# What pydicom has no encoder for.
_GDCM_SYNTAXES = (
    uid.JPEGExtended12Bit,
    uid.JPEGLossless,
    uid.JPEGLosslessSV1,
    uid.JPEGLSLossless,
    uid.JPEGLSNearLossless,
)


def _compress_by_gdcm(native: bytes, syntax: uid.UID) -> bytes:
    """A native DICOM file, compressed."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "native.dcm"), Path(folder, "compressed.dcm")
        source.write_bytes(native)
        reader = gdcm.ImageReader()
        reader.SetFileName(str(source))
        assert reader.Read()
        change = gdcm.ImageChangeTransferSyntax()
        change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(str(syntax))))
        if syntax == uid.JPEGExtended12Bit:
            codec = gdcm.JPEGCodec()
            codec.SetLossless(False)
            codec.SetQuality(100)
            change.SetUserCodec(codec)
        change.SetInput(reader.GetImage())
        assert change.Change()
        writer = gdcm.ImageWriter()
        writer.SetFileName(str(target))
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        assert writer.Write()
        return target.read_bytes()


def dicom_frame(samples: np.ndarray, syntax: uid.UID, **header: Any) -> bytes:
    """The codestream that `write_dicom` makes of samples, to be put under another header."""
    ds = pydicom.dcmread(BytesIO(write_dicom(samples, syntax, **header)))
    return get_frame(ds.PixelData, 0, number_of_frames=1)


def data_set_of(dicom: bytes) -> bytes:
    """A DICOM file without preamble and file meta information."""
    return dicom[132 + 12 + struct.unpack("<I", dicom[140:144])[0] :]


def smooth_film(size: int = 48, highest: int = 4095) -> np.ndarray:
    """As continuous as a chest film, from 0 to `highest`, uint16 (size, size): two dark lungs, a bright spine."""
    y, x = np.mgrid[0:size, 0:size] / (size - 1)
    body = np.exp(-(((x - 0.5) / 0.45) ** 4)) * np.clip(3 * y, 0, 1)
    lungs = sum(np.exp(-(((x - side) / 0.16) ** 2) - ((y - 0.45) / 0.3) ** 2) for side in (0.27, 0.73))
    spine = 0.35 * np.exp(-(((x - 0.5) / 0.05) ** 2))
    film = body * (0.75 - 0.6 * lungs + spine)
    film = (film - film.min()) / np.ptp(film)
    return np.rint(film * highest).astype(np.uint16)
