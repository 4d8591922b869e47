"""Print the measured table at the end, also if tests run in several processes."""

import pytest

TABLE = "table of foreign material"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests recorded under TABLE."""
    for report in (*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")):
        for name, text in getattr(report, "user_properties", ()):
            if name == TABLE:
                terminalreporter.write_line(str(text))
