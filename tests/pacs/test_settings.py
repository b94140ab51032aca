"""The settings file: what stands in the guide is taken, what is wrong is one line that names it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from model_src.errors import ServerError
from pacs.settings import RESULTS, Settings, load_settings

GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "pacs.md"
SMALLEST = """
listen: {callers: [ORTHANC]}
targets:
  - {name: pacs, dicom: {host: 127.0.0.1, port: 4242, ae_title: ORTHANC}}
"""


def load(tmp_path: Path, text: str) -> Settings:
    path = tmp_path / "pacs.yaml"
    path.write_text(text)
    return load_settings(path)


def test_what_is_not_said_has_a_default(tmp_path):
    settings = load(tmp_path, SMALLEST)
    assert settings.spool == tmp_path / "spool"
    assert (settings.listen.host, settings.listen.ae_title, settings.listen.port) == ("127.0.0.1", "CORONET", 11112)
    assert settings.targets[0].results == list(RESULTS)
    assert settings.explanation.method == "grad_cam"


def test_paths_count_from_the_folder_of_the_file(tmp_path):
    (tmp_path / "key").write_text("x")
    settings = load(tmp_path, f"{SMALLEST}\nspool: /tmp/x\nserver: {{token_file: key}}")
    assert settings.spool == Path("/tmp/x")
    assert settings.server.token_file == tmp_path / "key"


@pytest.mark.parametrize(
    ("was", "becomes", "says"),
    [
        ("4242", "99999", "targets.0.dicom.port: found 99999, need a port number from 1 to 65535"),
        ("4242", '"4242"', "targets.0.dicom.port: found '4242', need a port number from 1 to 65535"),
        ("port", "prt", "targets.0.dicom.port: found nothing, need a port number"),
        ("[ORTHANC]", "[]", "listen.callers: found [], need the AE titles that may send, at least one"),
        ("[ORTHANC]", "['A NAME THAT IS LONG']", "listen.callers.0: found 'A NAME THAT IS LONG', need"),
        ("{callers: [ORTHANC]}", "3", "listen: found 3, need "),
        ("listen: ", "lisn: ", "listen: found nothing, need "),
        ("dicom: {host: 127.0.0.1, port: 4242, ae_title: ORTHANC}", "results: [map]", "need either dicom or stow"),
        ("name: pacs", "name: pacs, results: [maps]", "targets.0.results.0: found 'maps', need some of report, map"),
        ("name: pacs", "name: a/b", "targets.0.name: found 'a/b', need a short name"),
        ("targets", "workers: 0\ntargets", "workers: found 0, need a whole number, at least 1"),
        ("targets", "retries: {first_seconds: .nan}\ntargets", "retries.first_seconds: found nan, need seconds"),
        ("targets", "server: {url: localhost}\ntargets", "server: the address localhost has no scheme"),
        ("targets", "server: {token_file: none}\ntargets", "server.token_file: found no file "),
        ("targets", "colour: red\ntargets", "found the setting 'colour', need one of spool, listen, "),
        ("name: pacs", "name: pacs, results: [map]", None),
        ("ORTHANC}}", "ORTHANC}}\n  - {name: pacs, stow: {url: 'http://x/y'}}", "found the names pacs, pacs"),
        ("ORTHANC}}", "ORTHANC}}\n  - {name: web, stow: {url: 'x/y'}}", "targets.1.stow.url: found 'x/y', need an"),
        ("name: pacs", "name: [", "is no YAML in line 4"),
        ("ORTHANC}}", "ORTHANC}, results: [map]}\nexplanation: null", "results without report need an explanation"),
    ],
)
def test_a_wrong_setting_is_one_line(tmp_path, was, becomes, says):
    text = SMALLEST.replace(was, becomes)
    assert text != SMALLEST
    if says is None:
        load(tmp_path, text)
        return
    with pytest.raises(ServerError) as caught:
        load(tmp_path, text)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "pacs.yaml" in str(caught.value)


@pytest.mark.parametrize("text", ["", "3", "- a", "\0"])
def test_a_file_without_settings_is_one_line(tmp_path, text):
    with pytest.raises(ServerError, match=r"pacs\.yaml"):
        load(tmp_path, text)


def test_a_file_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(ServerError, match=r"found no settings at .*docs/how-to/pacs\.md"):
        load_settings(tmp_path / "pacs.yaml")


def test_every_setting_of_the_guide_is_taken(tmp_path):
    blocks = re.findall(r"```yaml\n(.*?)```", GUIDE.read_text(encoding="utf-8"), flags=re.S)
    whole = [block for block in blocks if "listen:" in block and "targets:" in block]
    assert whole
    for block in whole:
        for name in re.findall(r"(?:file|certificate|key|authority): (\S+?)[,}\s]", block):
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        settings = load(tmp_path, block)
        assert set(yaml.safe_load(block)) <= set(type(settings).model_fields)


def test_certificates_that_are_none_are_one_line(tmp_path):
    (tmp_path / "c").write_text("nothing")
    settings = load(tmp_path, SMALLEST.replace("callers", "tls: {certificate: c, key: c}, callers"))
    with pytest.raises(ServerError, match=r"listen\.tls: .*need PEM files"):
        settings.listen.tls.context()
    text = SMALLEST.replace("port: 4242", "port: 4242, tls: {authority: c}")
    with pytest.raises(ServerError, match=r"tls: .*need PEM files"):
        load(tmp_path, text).targets[0].dicom.tls.context()
