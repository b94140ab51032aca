"""Skips for a reason that is not on the list fail the run; others do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.skip_list import SkipList, read_allowed

LISTED = "no X-rays here"


def run(pytester: pytest.Pytester, source: str) -> tuple[int, str]:
    """Exit status and output of pytest on a file of tests, where LISTED is allowed."""
    pytester.makepyfile(source)
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", plugins=[SkipList({LISTED})])
    return result.ret, result.stdout.str()


def test_a_listed_reason_passes(pytester: pytest.Pytester) -> None:
    status, output = run(pytester, f"import pytest\ndef test_a(): pytest.skip('{LISTED}')\ndef test_b(): pass")
    assert status == 0
    assert "not allowed" not in output


@pytest.mark.parametrize(
    "source",
    [
        "import pytest\ndef test_a(): pytest.skip('later')\ndef test_b(): pass",
        "import pytest\n@pytest.mark.skip(reason='later')\ndef test_a(): pass\ndef test_b(): pass",
        "import pytest\n@pytest.fixture\ndef f(): pytest.skip('later')\ndef test_a(f): pass\ndef test_b(): pass",
    ],
)
def test_another_reason_fails_and_is_named(pytester: pytest.Pytester, source: str) -> None:
    status, output = run(pytester, source)
    assert status == 1
    assert "test_a: later" in output
    assert "allowed_skips.txt" in output


def test_a_file_skipped_whole_fails(pytester: pytest.Pytester) -> None:
    status, output = run(pytester, "import pytest\npytest.importorskip('no_such_module')\ndef test_a(): pass")
    assert status == 1
    assert "no_such_module" in output


def test_an_expected_failure_is_no_skip(pytester: pytest.Pytester) -> None:
    status, _ = run(pytester, "import pytest\n@pytest.mark.xfail\ndef test_a(): assert False")
    assert status == 0


def test_a_failure_stays_one(pytester: pytest.Pytester) -> None:
    status, output = run(pytester, "import pytest\ndef test_a(): pytest.skip('later')\ndef test_b(): assert False")
    assert status == 1
    assert "1 failed, 1 skipped" in output


def test_the_list_is_read_without_comments(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("# why\none reason\n\n  another \n")
    assert read_allowed(tmp_path / "list.txt") == {"one reason", "another"}


def test_this_run_has_the_list(request: pytest.FixtureRequest) -> None:
    plugin = request.config.pluginmanager.get_plugin("skip-list")
    assert isinstance(plugin, SkipList)
    assert plugin.allowed == read_allowed()
