"""A skip that nobody has allowed fails the run: a test that is never run protects nothing, and nobody sees it.

tests/allowed_skips.txt has the reasons. The hooks are pytest's; tests/conftest.py registers them.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pytest

ALLOWED_FILE = Path(__file__).with_name("allowed_skips.txt")


def read_allowed(file: Path = ALLOWED_FILE) -> set[str]:
    """The reasons in a file: its lines, without empty ones and those that begin with #."""
    lines = (line.strip() for line in file.read_text(encoding="utf-8").splitlines())
    return {line for line in lines if line and not line.startswith("#")}


class SkipList:
    """A pytest plugin that lets tests be skipped for the allowed reasons alone."""

    def __init__(self, allowed: Collection[str]) -> None:
        self.allowed = allowed
        self.found: list[str] = []  # "test: reason" of every other skip

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Look at a test's skip."""
        self._look(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Look at the skip of a whole file."""
        self._look(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail a run that would have passed."""
        if self.found and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say which skips they were, and what to do."""
        if self.found:
            terminalreporter.section("skips that are not allowed", red=True)
            for line in self.found:
                terminalreporter.line(line)
            terminalreporter.line(f"make these tests run, or add the reason to {ALLOWED_FILE.name}")

    def _look(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if not report.skipped or hasattr(report, "wasxfail"):
            return
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        reason = reason.removeprefix("Skipped: ")
        if reason not in self.allowed:
            self.found.append(f"{report.nodeid}: {reason}")
