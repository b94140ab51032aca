"""What `coronet demo` refuses and prints; the whole of it runs in tests/e2e."""

from __future__ import annotations

from cli.commands.demo import _finish, _say
from cli.main import main


def test_an_xray_in_the_folder_that_is_emptied_is_not_deleted(tmp_path, capsys):
    out = tmp_path / "demo"
    out.mkdir()
    (out / ".coronet-demo").touch()  # of an earlier demo, which may be replaced
    (out / "mine.png").write_bytes(b"a film")
    assert main(["demo", "--xray", str(out / "mine.png"), "--out", str(out)]) == 1
    assert "copy it elsewhere, or choose another --out" in capsys.readouterr().err
    assert (out / "mine.png").read_bytes() == b"a film"


def test_what_is_no_xray_is_refused_before_anything_starts(tmp_path, capsys):
    (tmp_path / "letter.pdf").write_bytes(b"%PDF-1.7\n")
    assert main(["demo", "--xray", str(tmp_path / "letter.pdf"), "--out", str(tmp_path / "demo")]) == 1
    assert "letter.pdf: found a PDF document; send a PNG" in capsys.readouterr().err
    assert not (tmp_path / "demo").exists()


def test_a_path_with_brackets_is_shown_as_it_is(tmp_path, capsys):
    out = tmp_path / "a [" / "b]"  # which rich would take for the end of bold
    (out / "explanation").mkdir(parents=True)
    (out / "explanation" / "x.png").touch()
    _say("TorchScript", f"coronet export {out}")
    _finish(out / "x.png", out, 1.0, generated=True)
    printed = capsys.readouterr().out
    assert f"$ coronet export {out}" in printed
    assert f"  {out / 'explanation' / 'x.png'}" in printed
    assert f"coronet serve --model-store '{out / 'model-store'}'" in printed
