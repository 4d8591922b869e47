"""Test that stored preferences are sound again as soon as the time zones of the system are."""

import resource
import shutil
import zoneinfo
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from digestd.domain.subscriber import Preferences
from digestd.domain.time_zones import check_timezone, load_zone
from digestd.errors import BadRecord
from digestd.store.preferences import read_preferences, row_values

ZONE = "Antarctica/Troll"


@contextmanager
def no_more_files() -> Iterator[None]:
    """Make every open() fail with EMFILE."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_read_preferences_damages_nothing_without_files() -> None:
    stored = [{**row_values(Preferences()), "timezone": ZONE}[name] for name in Preferences.model_fields]
    check_timezone(ZONE)  # the process knows the names
    load_zone.cache_clear()
    zoneinfo.ZoneInfo.clear_cache()
    with no_more_files(), pytest.raises(OSError, match="Too many open files"):
        read_preferences(*stored)
    assert read_preferences(*stored) == (Preferences(timezone=ZONE), ())


def test_read_preferences_finds_zone_that_is_back(tmp_path: Path) -> None:
    stored = [{**row_values(Preferences()), "timezone": "Test/Back"}[name] for name in Preferences.model_fields]
    [utc] = [path for folder in zoneinfo.TZPATH if (path := Path(folder, "UTC")).exists()][:1]
    zoneinfo.reset_tzpath([tmp_path])
    try:
        assert [one.field for one in read_preferences(*stored)[1]] == ["timezone"]
        (tmp_path / "Test").mkdir()
        shutil.copy(utc, tmp_path / "Test/Back")
        assert read_preferences(*stored)[1] == ()
    finally:
        zoneinfo.reset_tzpath()


def test_read_preferences_takes_a_zone_that_nobody_may_choose_now() -> None:
    row = row_values(Preferences()) | {"timezone": "Factory"}
    assert read_preferences(*(row[name] for name in Preferences.model_fields))[1] == ()
    with pytest.raises(BadRecord):
        check_timezone("Factory")
