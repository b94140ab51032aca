"""What a worker logs of failures and warnings: kind and place, never the text."""

from __future__ import annotations

import logging
import warnings

import pytest

from model_src.private_log import error_location, shorten_warnings


def failing() -> None:
    try:
        int("DOE^JANE")
    except ValueError as error:
        raise KeyError("JANE") from error


def test_an_exception_and_its_cause_are_named_without_their_messages():
    with pytest.raises(KeyError) as caught:
        failing()
    line = error_location(caught.value)
    first, second = line.split("; from ")
    assert first.startswith("KeyError at model_src/test_private_log.py:")
    assert first.count(" > ") == 1  # the test, and the line that raised
    assert second.startswith("ValueError at model_src/test_private_log.py:")
    assert "JANE" not in line
    assert "\n" not in line


def test_an_exception_that_is_its_own_cause_ends():
    error = ValueError("x")
    error.__context__ = cause = TypeError("y")
    cause.__context__ = error
    assert error_location(error) == "ValueError at an unknown place; from TypeError at an unknown place"


def test_a_warning_is_logged_without_its_text(caplog, capsys):
    with warnings.catch_warnings(), caplog.at_level(logging.WARNING):  # puts showwarning back, too
        warnings.simplefilter("always")
        shorten_warnings()
        warnings.warn("Invalid value for VR PN: DOE^JANE", UserWarning, stacklevel=1)
    assert "UserWarning at model_src/test_private_log.py:" in caplog.text
    assert "JANE" not in caplog.text + "".join(capsys.readouterr())
