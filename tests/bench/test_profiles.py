"""The profile of planning and sending can be made."""

import sys

import pytest

from tests.bench.profiles import main

pytestmark = pytest.mark.slow


def test_profile_names_modules_of_both_commands(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["profiles", "--subscribers", "40", "--papers", "60"])
    main()
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("| `plan` | ranking.") for line in lines)
    assert any(line.startswith("| `deliver` | start-up |") for line in lines)
