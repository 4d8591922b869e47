"""For modules about what is picked and said, which does not depend on the engine."""

import pytest


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Use SQLite only."""
    return sqlite_url
