"""Data from outside the repository: real answers of sources."""

import os
from pathlib import Path

import pytest

_PLACE = Path(os.environ.get("DIGESTD_TEST_DATA") or Path(__file__).parents[3] / "shared" / "data")


def outside(*parts: str) -> Path:
    """Return a file or folder of the outside data; skip the test if there is none."""
    path = _PLACE.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"no outside data at {'/'.join(parts)}; set DIGESTD_TEST_DATA to its folder")
    return path
