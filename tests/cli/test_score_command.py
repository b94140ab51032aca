"""`coronet score` as it is typed: what it says, and its exit status."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.main import main
from tests.fixtures.hand_set_model import hand_set_dir, make_png  # noqa: F401 (fixtures)
from tests.scoring.runs import rows, zip_artefacts


@pytest.fixture(scope="module")
def archive(hand_set_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: F811
    return zip_artefacts(hand_set_dir, tmp_path_factory.mktemp("archive") / "coronet.mar")


def test_scored_explained_summed_up_and_verified(archive, make_png, tmp_path, capsys):  # noqa: F811
    films = tmp_path / "films"
    films.mkdir()
    (films / "black.png").write_bytes(make_png(0))
    (films / "white.png").write_bytes(make_png(255))
    (films / "text.png").write_text("<script>")
    out = tmp_path / "run"
    words = [str(films), "--model", str(archive), "--out", str(out), "--workers", "1"]
    words += ["--explain", "saliency", "--explain-when", "Pneumonia>=0.5"]
    assert main(["score", *words]) == 0
    said = capsys.readouterr()
    assert "3 films: 2 answers, 1 errors" in said.out
    assert "all 3 films are done; summary in" in said.out
    assert "research use only" in said.err
    from scoring.run_folder import RunFolder

    found = {Path(row["film"]).name: row for row in rows(RunFolder(out))}
    assert found["black.png"]["explanation_method"] == "saliency"
    assert len(found["black.png"]["heatmap"]) == len(found["black.png"]["heatmap"][0]) == 28
    assert found["white.png"]["heatmap"] is None
    facts = json.loads((out / "summary.json").read_text())
    assert facts["classes"] == {"Healthy": 1, "Pneumonia": 1, "COVID-19": 0}
    assert (facts["errors"], facts["explained"], facts["films"]) == ({"InvalidImage": 1}, 1, 3)
    assert facts["residuals"]["healthy"]["median"] == pytest.approx(0.269, rel=0.01)  # of 0.2689 and 0.5, the lower
    page = (out / "summary.html").read_text()
    assert "Research use only, not for diagnosis." in page
    assert "http" not in page.replace("http-equiv", "")
    assert main(["score", "--out", str(out), "--verify"]) == 0
    assert "verified: 3 films in 1 parts: 2 answers, 1 errors" in capsys.readouterr().out
    assert main(["score", "--out", str(out), "--explain", "grad_cam"]) == 1
    assert "explain.method grad_cam where it was begun with saliency" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--verify"], "holds no run.json, so no run of coronet score"),
        ([], "name SOURCE and --model to begin one"),
        (["nowhere", "--model", "none.mar"], "nowhere: not found; need a folder"),
        (["--index", "1"], "found --index without --of"),
        (["--of", "2"], "--index: found nothing, need a number from 0 to 1"),
        (["--of", "2", "--index", "2"], "--index: found 2, need a number from 0 to 1"),
        (["--pacs-user", "me"], "found one of --pacs-user and --pacs-password-file"),
        (["--explain", "saliency", "--explain-when", "flu"], "--explain-when: found 'flu'"),
    ],
)
def test_what_is_wrong_is_one_line(words, why, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["score", *words, "--out", str(tmp_path / "run")]) == 1
    said = capsys.readouterr().err
    assert why in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(("content", "why"), [(None, "not found"), (b"no zip", "not a whole .mar archive")])
def test_a_model_that_is_none(content, why, tmp_path, capsys):
    (tmp_path / "films").mkdir()
    model = tmp_path / "coronet.mar"
    if content:
        model.write_bytes(content)
    assert main(["score", str(tmp_path / "films"), "--model", str(model), "--out", str(tmp_path / "run")]) == 1
    assert why in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--workers", "0"], ["--identify", "name"], ["--shard-films", "x"]])
def test_wrong_usage(words, tmp_path):
    with pytest.raises(SystemExit) as ended:
        main(["score", "--out", str(tmp_path), *words])
    assert ended.value.code == 2
