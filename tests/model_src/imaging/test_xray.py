"""From file bytes to the network's tensor."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from pydicom import uid

from model_src.errors import CoroNetError, InvalidImage, RequestError, UnsupportedImage
from model_src.imaging.xray import Xray, read_xray, resize_pixels

Writer = Callable[..., bytes]


def torso(size: int = 128) -> np.ndarray:
    """Air, a body, two dark lungs and a bright spine; uint8 (size, size)."""
    image = np.zeros((size, size), np.uint8)
    u = size // 16
    image[2 * u :, 2 * u : 14 * u] = 150
    image[3 * u : 11 * u, 3 * u : 6 * u] = 50
    image[3 * u : 11 * u, 10 * u : 13 * u] = 50
    image[2 * u :, 7 * u : 9 * u] = 220
    return image


@pytest.fixture
def threads() -> Iterator[Callable[[int], None]]:
    """Set torch's number of threads, for this test alone."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def test_everything_an_xray_holds(write_picture: Writer) -> None:
    xray = read_xray(write_picture(torso()), 64)
    assert xray.tensor.shape == (1, 64, 64)
    assert xray.tensor.dtype == torch.float32
    assert xray.tensor.is_contiguous()
    assert not xray.tensor.requires_grad
    # Each output pixel is the average of the pixels it covers, weighted like a tent.
    assert xray.tensor[0, 32, 32].item() == pytest.approx(220 / 255)
    assert xray.tensor[0, 32, 16].item() == pytest.approx(50 / 255)
    np.testing.assert_array_equal(xray.pixels, torso().astype(np.float32) / 255)
    assert (xray.format, xray.width, xray.height, xray.warnings) == ("PNG", 128, 128, ())


def test_width_and_height_are_those_of_the_upright_image(write_picture: Writer) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    xray = read_xray(write_picture(torso()[:, :100], "JPEG", exif=exif), 32)
    assert (xray.width, xray.height) == (128, 100)
    assert xray.pixels.shape == (100, 128)


def test_one_image_in_all_formats_gives_one_tensor(write_picture: Writer, write_dicom: Writer) -> None:
    image, deep = torso(), torso().astype(np.uint16) * 257
    twelve = np.round(torso() / 255 * 4095).astype(np.uint16)
    files = {
        "PNG": [write_picture(image), write_picture(Image.fromarray(image).convert("RGBA")), write_picture(deep)],
        "TIFF": [write_picture(image, "TIFF"), write_picture(twelve, "TIFF")],
        "WEBP": [write_picture(image, "WEBP", lossless=True)],
        "JPEG": [write_picture(image, "JPEG", quality=100)],
        "DICOM": [
            write_dicom(image),
            write_dicom(twelve, BitsStored=12),
            write_dicom(4095 - twelve, BitsStored=12, PhotometricInterpretation="MONOCHROME1"),
            write_dicom(twelve, uid.JPEG2000Lossless, BitsStored=12),
        ],
    }
    first = read_xray(files["PNG"][0], 48)
    for kind, several in files.items():
        for data in several:
            xray = read_xray(data, 48)
            assert xray.format == kind
            tolerance = 0.02 if kind == "JPEG" else 2e-4  # half a step of 12 bits
            torch.testing.assert_close(xray.tensor, first.tensor, atol=tolerance, rtol=0)


def test_resize_averages_what_each_pixel_covers() -> None:
    # A checkerboard turns gray: taking single pixels would give black or white.
    board = np.indices((64, 64)).sum(axis=0) % 2
    small = resize_pixels(board.astype(np.float32), 8)
    torch.testing.assert_close(small[0, 1:-1, 1:-1], torch.full((6, 6), 0.5), atol=1e-3, rtol=0)


def test_resize_squashes_and_keeps_a_ramp() -> None:
    ramp = np.repeat(np.arange(40, dtype=np.float32)[None] / 39, 20, axis=0)
    result = resize_pixels(ramp, 20)
    assert result.shape == (1, 20, 20)
    # Column j of 20 lies in the middle of columns 2j and 2j + 1 of 40; the outermost see one side only.
    expected = (2 * torch.arange(20) + 0.5) / 39
    torch.testing.assert_close(result[0, 7, 1:-1], expected[1:-1], atol=1e-5, rtol=0)
    assert torch.equal(result[0, 0], result[0, 19])


def test_resize_to_the_same_size_changes_nothing() -> None:
    pixels = np.random.default_rng(0).random((24, 24), dtype=np.float32)
    assert torch.equal(resize_pixels(pixels, 24)[0], torch.from_numpy(pixels))


def test_resize_neither_keeps_nor_changes_its_input() -> None:
    pixels = np.ones((16, 16), np.float32)
    result = resize_pixels(pixels, 16)
    result.zero_()
    assert pixels.min() == 1
    read_only = np.ones((16, 16), np.float32)
    read_only.flags.writeable = False
    assert resize_pixels(read_only, 8).max() <= 1


def test_resize_needs_a_size() -> None:
    with pytest.raises(CoroNetError, match="found 0"):
        resize_pixels(np.ones((8, 8), np.float32), 0)


def test_any_number_of_threads_gives_the_same_tensor(write_picture: Writer, threads: Callable[[int], None]) -> None:
    data = write_picture(np.random.default_rng(0).integers(0, 256, (700, 900), np.uint8))
    tensors = []
    for number in (1, 2, 3, 1):
        threads(number)
        tensors.append(read_xray(data, 224).tensor)
    assert all(torch.equal(tensor, tensors[0]) for tensor in tensors)


def test_very_small_images(write_picture: Writer) -> None:
    with pytest.raises(InvalidImage, match="found 7 x 30 pixels, need at least 8"):
        read_xray(write_picture(torso()[:30, :7]), 32)
    assert read_xray(write_picture(torso()[:8, :9]), 32).warnings[0].startswith("only 9 x 8 pixels: too small")


@pytest.mark.parametrize(
    ("image", "word"),
    [
        (torso(64), None),
        (torso(63), "only 63 x 63 pixels"),
        (torso()[:64], None),
        (torso()[:63], "only 128 x 63"),
        (np.vstack([torso(64), torso(64), torso(64)[:1]]), "far from square"),
        (np.full((64, 64), 77, np.uint8), "all pixels are alike"),
        (torso() // 12, "brightness spans only 7%"),
        (255 - torso(), "looks like a negative"),
    ],
)
def test_warnings(write_picture: Writer, image: np.ndarray, word: str | None) -> None:
    warnings = read_xray(write_picture(image), 32).warnings
    assert any(word in warning for warning in warnings) if word else warnings == ()


def test_a_constant_image_keeps_its_brightness(write_picture: Writer, write_dicom: Writer) -> None:
    flat = np.full((64, 64), 51, np.uint8)
    for data in (write_picture(flat), write_dicom(flat)):
        tensor = read_xray(data, 16).tensor
        torch.testing.assert_close(tensor, torch.full((1, 16, 16), 0.2))


def test_nothing_is_printed_about_a_strange_file(write_picture: Writer, capfd: pytest.CaptureFixture[str]) -> None:
    # The value of this EXIF block lies outside of it.
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x0e\x01\x02\0\xff\0\0\0\x99\0\0\0\0\0\0\0"
    data = write_picture(torso(), "JPEG", exif=exif)
    with pytest.warns(UserWarning, match="EXIF|Tag data"), Image.open(BytesIO(data)) as image:
        image.getexif()
    assert read_xray(data, 8).warnings == ()
    assert capfd.readouterr() == ("", "")


def test_mutated_files_raise_request_errors_alone(
    write_picture: Writer, write_tiff: Writer, write_dicom: Writer
) -> None:
    image, deep = torso(32), torso(32).astype(np.uint16) * 16
    exif = Image.Exif()
    exif[0x0112] = 6
    files = [
        write_picture(image),
        write_picture(Image.fromarray(image).convert("P")),
        write_picture(deep),
        write_picture(image, "JPEG", exif=exif),
        write_picture(Image.fromarray(image).convert("CMYK"), "JPEG", progressive=True),
        write_picture(image, "WEBP", exif=exif),
        write_picture(image, "TIFF", compression="packbits"),
        write_tiff(deep, ">", 0),
        write_dicom(deep, BitsStored=12, WindowCenter=100, WindowWidth=200),
        write_dicom(deep, uid.ImplicitVRLittleEndian, preamble=False),
        write_dicom(deep, uid.RLELossless),
        write_dicom(image, uid.JPEGBaseline8Bit),
        write_dicom(image.repeat(2, 0).repeat(2, 1), uid.JPEG2000Lossless),
        write_dicom(deep, uid.DeflatedExplicitVRLittleEndian),
    ]
    rng = random.Random(0)
    errors: list[RequestError] = []
    for data in files * 40:
        try:
            _check_valid(read_xray(_mutate(data, rng), 16))
        except RequestError as error:
            errors.append(error)
    assert {error.status for error in errors} <= {400, 413, 415}
    assert all(str(error).isprintable() for error in errors)
    assert 100 < len(errors) < len(files) * 40 - 100  # the mutations are neither harmless nor all fatal


def _mutate(data: bytes, rng: random.Random) -> bytes:
    """`data` cut, with a few bytes changed near its start or anywhere, or with bytes missing or added."""
    changed = bytearray(data)
    where = rng.randrange(len(data))
    match rng.randrange(5):
        case 0:
            return data[:where]
        case 1:
            for _ in range(rng.choice((1, 3, 20))):
                changed[rng.randrange(min(len(data), rng.choice((64, 600, len(data)))))] = rng.randrange(256)
        case 2:
            changed[where : where + 4] = rng.choice((b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff"))
        case 3:
            del changed[where : where + rng.choice((1, 2, 30))]
        case 4:
            changed[where:where] = rng.randbytes(rng.choice((1, 2, 30)))
    return bytes(changed)


def _check_valid(xray: Xray) -> None:
    for values in (xray.pixels, xray.tensor.numpy()):
        assert np.isfinite(values).all()
        assert values.min() >= 0
        assert values.max() <= 1
    assert xray.pixels.shape == (xray.height, xray.width)


REAL_FILES = {
    "large_gray_3342x4095.jpg": ("JPEG", 3342, 4095),
    "monochrome2_jpeg.dcm": ("DICOM", 1024, 1024),
    "rgb_2169x1852.webp": ("WEBP", 2169, 1852),
    "rgb_477x411.jpg": ("JPEG", 477, 411),
    "rgba_1024x1024.png": ("PNG", 1024, 1024),
}


@pytest.mark.parametrize("name", REAL_FILES)
def test_real_xrays_are_upright_and_positive(shared_data: Path, name: str) -> None:
    xray = read_xray((shared_data / "formats" / name).read_bytes(), 224)
    assert (xray.format, xray.width, xray.height) == REAL_FILES[name]
    assert xray.warnings == ()
    tensor = xray.tensor[0]
    spine, lungs = tensor[60:160, 105:120].mean(), tensor[70:120, [60, 65, 160, 165]].mean()
    assert spine > lungs + 0.1
    # The abdomen is below: brighter than the neck's sides.
    assert tensor[200:, 60:160].mean() > tensor[:20, 30:60].mean()
    assert tensor.max() - tensor.min() > 0.5


def test_the_real_monochrome1_file(shared_data: Path) -> None:
    # It holds the stored values of its MONOCHROME2 neighbour under the other label: by the standard a negative.
    one, two = (read_xray((shared_data / "formats" / f"monochrome{k}_jpeg.dcm").read_bytes(), 224) for k in (1, 2))
    torch.testing.assert_close(one.tensor, 1 - two.tensor, atol=1e-5, rtol=0)
    assert [word.split(":")[0] for word in one.warnings] == ["looks like a negative (bright lungs)"]


def test_other_files_are_refused() -> None:
    with pytest.raises(InvalidImage, match="empty"):
        read_xray(b"", 8)
    with pytest.raises(UnsupportedImage, match="PDF"):
        read_xray(b"%PDF-1.4", 8)
