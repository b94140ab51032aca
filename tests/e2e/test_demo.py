"""`coronet demo` as `make demo` runs it, but with a smaller training."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from PIL import Image

CORONET = Path(sys.executable).parent / "coronet"


def demo(*words: object) -> subprocess.CompletedProcess[str]:
    command = [str(word) for word in (CORONET, "demo", *words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=500, check=False)


def test_demo_trains_serves_explains_and_cleans_up(tmp_path, phantom_png):
    out = tmp_path / "demo"
    done = demo("--train", "--per-class", "4", "--epochs", "1", "--out", out, "--xray", phantom_png)
    assert done.returncode == 0, done.stdout + done.stderr
    steps = [line.split()[2] for line in done.stdout.splitlines() if line.startswith("$ coronet ")]
    assert steps == ["phantoms", "train", "export", "archive", "serve", "predict", "explain"]
    assert "TorchServe is down" in done.stdout
    assert "not for diagnosis" in done.stderr
    pictures = sorted((out / "explanation").glob("*.png"))
    assert len(pictures) >= 5
    for picture in pictures:
        with Image.open(picture) as opened:
            opened.load()
        assert str(picture) in done.stdout
    assert not (out / "server" / "key_file.json").exists()


def test_demo_empties_no_directory_of_others(tmp_path):
    (tmp_path / "thesis.tex").write_text("x")
    done = demo("--out", tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith(f"coronet: {tmp_path} exists and is no earlier demo's")
    assert (tmp_path / "thesis.tex").exists()


def test_demo_names_a_missing_x_ray(tmp_path):
    done = demo("--out", tmp_path / "out", "--xray", tmp_path / "missing.dcm")
    assert done.returncode == 1
    assert "missing.dcm" in done.stderr
    assert not (tmp_path / "out").exists()
