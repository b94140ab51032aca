"""A certificate's file and its words; what is wrong with a file is one line."""

import json

import pytest

from model_src.certificate import CERTIFICATE_FILE, Certificate, TestResult
from model_src.errors import ArtefactError

PASSED = TestResult("localisation", True, 0.41, 0.35, 0.47, "more than the 0.30 of the box prior", 40, "area", {})
FAILED = TestResult("randomisation", False, 0.7, 0.6, 0.8, "less than 0.50", 40, "similarity", {})
NOT_MADE = TestResult("reproducibility", None, None, None, None, "no other architecture was given", 0, "", {})
CERTIFICATE = Certificate(
    weights={"cin.pt": "ab"},
    films=40,
    patients=39,
    split="test",
    methods={"saliency": (PASSED, FAILED, NOT_MADE), "occlusion": ()},
    settings={"saliency": {"grid": "28"}},
)


def test_it_comes_back_as_it_was():
    assert CERTIFICATE_FILE.parse(CERTIFICATE_FILE.text(CERTIFICATE).encode(), "c.json") == CERTIFICATE


def test_a_methods_line_says_each_test_with_its_figure():
    assert CERTIFICATE.lines() == {
        "saliency": "stood 1 of 2 tests on 40 films, default options: "
        "localisation passed (0.41, needs more than the 0.30 of the box prior); "
        "randomisation failed (0.70, needs less than 0.50); "
        "reproducibility not made (no other architecture was given)"
    }
    assert CERTIFICATE.line("grad_cam") is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format_version": 2}, "found format version 2, need 1"),
        ({"films": -1}, "films: found -1"),
        ({"methods": {"saliency": [{"test": "beauty"}]}}, "methods"),
    ],
)
def test_a_wrong_file_is_one_line(change, message):
    facts = json.loads(CERTIFICATE_FILE.text(CERTIFICATE)) | change
    with pytest.raises(ArtefactError, match=message) as caught:
        CERTIFICATE_FILE.parse(json.dumps(facts).encode(), "c.json")
    assert "\n" not in str(caught.value)
    assert "coronet certify" in str(caught.value)


def test_a_certificate_of_other_weights_is_refused(tmp_path):
    path = tmp_path / "certificate.json"
    assert CERTIFICATE_FILE.read(path, {}) is None
    path.write_text(CERTIFICATE_FILE.text(CERTIFICATE))
    assert CERTIFICATE_FILE.read(path, {"cin.pt": "ab"}) == CERTIFICATE
    with pytest.raises(ArtefactError, match="was made with other weights"):
        CERTIFICATE_FILE.read(path, {"cin.pt": "cd"})
    path.write_text("{")
    with pytest.raises(ArtefactError, match="cannot be read"):
        CERTIFICATE_FILE.read(path, {})
