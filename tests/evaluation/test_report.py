"""The report folder: whole, self-contained, honest about what is not defined, and never over other people's files."""

import csv
import dataclasses
import html.parser
import io
import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from evaluation import drawing
from evaluation.data_facts import DataFacts, data_remarks
from evaluation.drawing import draw, draw_explanations
from evaluation.evaluate import evaluate
from evaluation.galleries import mistake_gallery, patients_of_class, typical_of_class, worst_mistakes
from evaluation.intervals import Estimate, rate
from evaluation.report import check_target, write_report
from evaluation.results import read_results
from evaluation.wording import change, interval, movement, number
from explanations import Attribution, parse_options
from model_src.errors import DataError, OutputError
from model_src.imaging.xray import Xray

DATA = DataFacts("chest & co", "test", "x-rays", 0)
COMMAND = ["coronet", "evaluate", "run 1", "data"]


def blob(target):
    """An explanation: the centre matters."""
    return Attribution(
        heatmap=np.pad(np.ones((2, 2), dtype=np.float32), 3),
        sign="1 = matters most",
        steps=1,
        target=target,
        original_probability=0.8,
        perturbed_probability=0.1,
        deletion=0.2,
        insertion=0.8,
        residuals=np.zeros((3, 16, 16), dtype=np.float32),
    )


@pytest.fixture(scope="module")
def evaluation(random_chain, make_centre_reader, write_images):
    """Eight images, two predictions wrong, with shortcut probes and the pictures of a real chain."""
    examples = write_images([0, 1, 2, 0, 1, 2, 0, 1], shown=[0, 1, 2, 0, 1, 2, 1, 2])
    reader = make_centre_reader(coronet=random_chain)
    return evaluate(reader, examples, [examples[0].path.parent], replicates=50, probe_shortcuts=True)


@pytest.fixture(scope="module")
def written(evaluation, random_chain, tmp_path_factory):
    """Its report. Read only."""
    folder = tmp_path_factory.mktemp("written") / "report"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(drawing, "explain_batch", lambda coronet, x, targets, options: [blob(t) for t in targets])
        options = parse_options({"method": "saliency"})
        explained = draw_explanations(evaluation, random_chain, options, per_class=2)
    write_report(evaluation, DATA, draw(evaluation), [explained], folder, command=COMMAND)
    return folder


@pytest.fixture
def report(written, tmp_path):
    """A copy of the report to change."""
    return shutil.copytree(written, tmp_path / "report")


def test_everything_is_there(written):
    pictures = {
        "confusion", "curves", "reliability", "reconstructions", "mistakes", "shortcuts", "probes",
        "explanations_saliency",
    }  # fmt: skip
    assert {path.name for path in written.iterdir()} == {f"{name}.png" for name in pictures} | {
        "metrics.json", "per_image.csv", "report.html",
    }  # fmt: skip
    for name in pictures:
        with Image.open(written / f"{name}.png") as image:
            assert image.size[0] > 300
            assert np.asarray(image.convert("L")).std() > 5, f"{name} is blank"


def test_the_numbers_agree_with_the_answers(written):
    facts = json.loads((written / "metrics.json").read_text())
    with (written / "per_image.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    right = sum(row["truth"] == row["predicted"] for row in rows)
    accuracy = facts["overall"]["accuracy"]
    assert (accuracy["successes"], accuracy["total"]) == (right, len(rows)) == (6, 8)
    assert facts["confusion"]["counts"] == [[2, 1, 0], [0, 2, 1], [0, 0, 2]]
    assert facts["command"] == "coronet evaluate 'run 1' data"
    assert facts["model"]["sha256"] == {"w.pt": "ab12"}
    assert facts["data"]["classes"]["COVID-19"] == {"images": 2, "patients": 2, "sources": []}
    assert len(facts["shortcuts"]) == 8


class _Links(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.found, self.open = [], []

    def handle_starttag(self, tag, attributes):
        self.found += [value for name, value in attributes if name in ("src", "href")]
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        assert tag == "rect"

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_needs_no_other_file_and_is_well_formed(written):
    page = (written / "report.html").read_text(encoding="utf-8")
    parser = _Links()
    parser.feed(page)
    assert parser.open == []
    assert len(parser.found) == 8
    assert all(link.startswith("data:image/png;base64,") for link in parser.found)
    assert "url(" not in page


def test_the_page_says_what_a_reader_needs(written):
    text = _text(written)
    for said in (
        "Research use only, not for diagnosis.",
        "75.0%",  # accuracy
        "6 of 8 images",
        "40.9 to 92.9%",  # its Wilson interval
        "93.50",  # the paper's accuracy
        "9 of 10",  # behind the paper's 90.0
        "Shortcut check",
        "2 of 2 wrong predictions",
        "Read this first. Cropped to the lungs, this model gets",
        "The paper's model, the paper's 1,953 images",
        "say nothing about which model is better",
        "a figure that rises is no gain",
        "SHA-256 w.pt",
        "coronet evaluate 'run 1' data",
        "chest & co",
        "8 images of 8 patients",
    ):
        assert said in text, said


def _text(report):
    page = (report / "report.html").read_text(encoding="utf-8")
    page = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def test_hostile_names_stay_text(evaluation, tmp_path, monkeypatch):
    monkeypatch.setattr(evaluation.classifier, "name", "<script>alert(1)</script>")
    data = DataFacts("<img src=x onerror=alert(1)>", "test", "x-rays", 0)
    write_report(evaluation, data, {}, [], tmp_path / "report", command=["<b>"])
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    for tag in ("<script", "<img src=x", "<b>alert"):
        assert tag not in page


def test_phantoms_skipped_images_and_missing_classes_are_said(centre_reader, write_images, tmp_path):
    examples = write_images([0, 1, 1, 0])
    examples[3].path.write_bytes(b"broken")
    evaluation = evaluate(centre_reader, examples, [], replicates=50, skip_unreadable=True)
    data = DataFacts("made-up", "test", "phantoms", 0)
    write_report(evaluation, data, draw(evaluation), [], tmp_path / "report", command=COMMAND)
    text = _text(tmp_path / "report")
    assert "The images are generated phantoms" in text
    assert "1 could not be read and is in no figure above" in text
    assert "no COVID-19 image in this split" in text
    assert "No image was misclassified." in text
    facts = json.loads((tmp_path / "report" / "metrics.json").read_text())
    assert facts["overall"]["balanced_accuracy"]["value"] is None
    assert facts["data"]["skipped"][0]["path"] == str(examples[3].path)


def test_an_earlier_report_is_replaced_whole(evaluation, report):
    (report / "report.html").write_text("old")
    write_report(evaluation, DATA, {}, [], report, command=COMMAND)
    assert {path.name for path in report.iterdir()} == {"metrics.json", "per_image.csv", "report.html"}
    assert (report / "report.html").read_text(encoding="utf-8") != "old"


def test_other_peoples_files_are_left_alone(report, tmp_path):
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    check_target(foreign)  # empty: may be used
    (foreign / "thesis.tex").write_text("years of work")
    with pytest.raises(DataError, match="is not an evaluation report"):
        check_target(foreign)
    (report / "notes.txt").write_text("mine")
    with pytest.raises(DataError, match=r"holds notes\.txt beside an earlier report"):
        check_target(report)


def test_a_failed_write_leaves_the_earlier_report(evaluation, report, monkeypatch):
    before = {path.name: path.read_bytes() for path in report.iterdir()}

    def no_space(path, *arguments, **keywords):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("evaluation.report.write_results", no_space)
    with pytest.raises(OSError, match="No space left"):
        write_report(evaluation, DATA, {}, [], report, command=COMMAND)
    assert {path.name: path.read_bytes() for path in report.iterdir()} == before
    assert [path.name for path in report.parent.iterdir() if path.name.startswith(".")] == []


def test_entangled_sources_and_shared_patients_are_pointed_out(centre_reader, write_images):
    examples = [dataclasses.replace(e, source="cohen" if e.label == 2 else "nih") for e in write_images([0, 1, 2, 2])]
    evaluation = evaluate(centre_reader, examples, [], replicates=20)
    remarks = data_remarks(evaluation, DataFacts("d", "test", "x-rays", 3))
    assert len(remarks) == 3
    assert remarks[2].startswith("A class of one source alone: Healthy (nih), Pneumonia (nih).")
    assert remarks[0].startswith("3 patients of this split also have images in the training split")
    assert remarks[1].startswith("All COVID-19 images come from cohen")
    assert remarks[1].endswith("--probe-shortcuts too.")


def test_pictures_choose_the_right_images(make_results):
    results = make_results([0, 0, 0, 1, 2], [0, 1, 2, 1, 0], ["a", "a", "b", "c", "d"])
    results[2] = dataclasses.replace(results[2], probabilities=(0.05, 0.0, 0.95))
    assert worst_mistakes(results) == [2, 1, 4]  # 0.95, then 0.8 in the order of the split
    assert typical_of_class(results, 0) == 1  # probabilities of Healthy: 0.8, 0.1, 0.05
    assert typical_of_class(results[:3], 2) is None
    assert patients_of_class(results, 0, 5, seed=0) == [0, 2]  # one image of each patient
    assert len(patients_of_class(results, 0, 1, seed=0)) == 1


def test_a_dollar_in_a_file_name_is_no_formula(make_results):
    mistake = dataclasses.replace(make_results([0], [1])[0], path="a$\\frac$.png")
    xray = Xray(torch.zeros(1, 16, 16), np.zeros((16, 16), dtype=np.float32), "PNG", 16, 16)
    mistake_gallery([xray], [mistake]).savefig(io.BytesIO())


@pytest.mark.parametrize(
    ("value", "low", "high", "words"),
    [
        (-0.031, -0.05, -0.012, "lower by 3.1 points\n(1.2 to 5.0)"),
        (0.037, 0.01, 0.06, "higher by 3.7 points\n(1.0 to 6.0)"),
        (0.037, -0.01, 0.08, "higher by 3.7 points,\nwithin chance"),
        (-0.037, None, None, "lower by 3.7 points"),
        (0.0, None, None, "as before"),
        (None, None, None, ""),
    ],
)
def test_a_movement_has_words_and_no_sign(value, low, high, words):
    assert movement(Estimate(value, low, high, None, 20, "bootstrap"), "percent") == words


def test_a_report_that_cannot_be_written_is_refused_with_the_users_own_path(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    out = tmp_path / "file" / "report"
    with pytest.raises(OutputError, match=f"--out {out}: {tmp_path / 'file'} is a file"):
        check_target(out)
    mounted = tmp_path / "mounted"
    mounted.mkdir()
    monkeypatch.setattr(Path, "is_mount", lambda path: path == mounted)
    with pytest.raises(OutputError, match=f"name one in it: --out {mounted / 'report'}"):
        check_target(mounted)
    check_target(mounted / "report")


def test_without_the_shortcut_check_the_page_says_so_first(centre_reader, write_images, tmp_path):
    evaluation = evaluate(centre_reader, write_images([0, 1, 2]), [], replicates=50)
    write_report(evaluation, DATA, {}, [], tmp_path / "report", command=COMMAND)
    text = _text(tmp_path / "report")
    assert "Read this first. Not checked: whether this model reads lungs" in text
    assert text.index("Read this first") < text.index("Balanced accuracy")


def test_figures_in_words():
    accuracy = rate(9, 10)
    assert (number(accuracy, "percent"), interval(accuracy, "percent")) == ("90.0%", "59.6 to 98.2%")
    area = Estimate(0.9712, 0.9, 1.0, None, 20, "bootstrap")
    assert (number(area, "share"), interval(area, "share")) == ("0.971", "0.900 to 1.000")
    assert change(Estimate(-0.031, -0.05, -0.012, None, 20, "bootstrap"), "percent") == "-3.1 (-5.0 to -1.2)"
    assert change(Estimate(None, None, None, None, 20, "none"), "percent") == "not defined"


def test_file_names_that_are_no_utf_8_reach_the_report(make_centre_reader, write_images, tmp_path):
    examples = write_images([0, 1, 2], shown=[1, 1, 2])  # the first is mistaken, and drawn with its name
    latin = os.fsdecode(b"M\xfcller")
    renamed = examples[0].path.rename(examples[0].path.with_name(f"{latin}.png"))
    examples[0] = dataclasses.replace(examples[0], path=renamed, patient=latin)
    gone = dataclasses.replace(examples[1], path=renamed.with_name(f"{latin}-gone.png"))
    evaluation = evaluate(
        make_centre_reader(), [*examples, gone], [renamed.parent], replicates=10, skip_unreadable=True
    )
    write_report(evaluation, DATA, draw(evaluation), [], tmp_path / "report", command=[*COMMAND, latin])
    assert read_results(tmp_path / "report" / "per_image.csv")[0].path == r"M\xfcller.png"
    facts = json.loads((tmp_path / "report" / "metrics.json").read_text(encoding="utf-8"))
    assert facts["data"]["skipped"][0]["path"] == str(gone.path)
    assert r"ller-gone.png" in (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
