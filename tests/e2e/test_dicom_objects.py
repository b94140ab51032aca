"""DICOM films in, DICOM objects out, through a real TorchServe."""

from __future__ import annotations

import io

import pydicom
import pytest

from cli.main import main
from client.multipart import split_parts
from model_src.errors import NotAcceptable
from tests.image_writers import smooth_film, write_dicom

PARTS = 'multipart/related; type="application/dicom"'
FILM = write_dicom(smooth_film(96), StudyInstanceUID="1.2.1", SeriesInstanceUID="1.2.2", PatientID="4711")


def uids(objects: dict[str, bytes]) -> dict[str, str]:
    return {name: str(pydicom.dcmread(io.BytesIO(content)).SOPInstanceUID) for name, content in objects.items()}


def test_the_client_gets_the_objects_of_the_study(server):
    client = server.client()
    assert list(client.predict_dicom(FILM)) == ["report"]
    objects = client.explain_dicom(FILM, method="saliency", score_steps=4)
    assert list(objects)[:3] == ["report", "map", "picture"]
    for content in objects.values():
        found = pydicom.dcmread(io.BytesIO(content))
        assert (found.StudyInstanceUID, found.PatientID) == ("1.2.1", "4711")
    assert uids(client.explain_dicom(FILM, method="saliency", score_steps=4)) == uids(objects)


def test_the_media_type_passes_through(post):
    response = post("/predictions/coronet", {"Accept": PARTS}, data=FILM)
    assert response.headers["Content-Type"].startswith(f"{PARTS}; boundary=")
    assert list(split_parts(response.headers["Content-Type"], response.content)) == ["report"]
    report = post("/predictions/coronet", {"Accept": "application/dicom"}, data=FILM)
    assert report.headers["Content-Type"] == "application/dicom"
    assert pydicom.dcmread(io.BytesIO(report.content)).SOPClassUID.name == "Comprehensive 3D SR Storage"
    alone = post("/explanations/coronet-explain", {"Accept": PARTS}, data=FILM)  # a raw body, by the default method
    assert "map" in split_parts(alone.headers["Content-Type"], alone.content)


def test_other_films_are_refused_with_one_line(server, post, phantom_png):
    with pytest.raises(NotAcceptable, match=r"^found a PNG file, need a DICOM file"):
        server.client().explain_dicom(phantom_png.read_bytes())
    response = post("/predictions/coronet", {"Accept": PARTS}, data=write_dicom(smooth_film()))
    assert (response.status_code, response.json()["type"]) == (406, "NotAcceptable")
    assert "without StudyInstanceUID" in response.json()["message"]


def test_the_command_writes_files(server, tmp_path, capsys):
    film, out = tmp_path / "film.dcm", tmp_path / "out"
    film.write_bytes(FILM)
    words = ["--url", server.url, f"--token={server.token.read()}", "--format", "dicom", "--method", "saliency"]
    assert main(["explain", str(film), "--out", str(out), *words]) == 0
    names = {path.name for path in out.iterdir()}
    assert names >= {f"film.saliency.{name}.dcm" for name in ("report", "map", "picture")}
    assert f"saved as {out}/film.saliency.*.dcm" in capsys.readouterr().out
