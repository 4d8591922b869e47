"""Time zones by their names and by what people call them."""

from zoneinfo import available_timezones

import pytest

from digestd.domain.time_zones import _names, check_timezone
from digestd.errors import BadRecord


@pytest.mark.parametrize(
    ("typed", "zone"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ("Etc/GMT+1", "Etc/GMT+1"),
        ("utc", "UTC"),
        ("CEST", "Europe/Berlin"),
        ("PST", "America/Los_Angeles"),
        ("Pacific Time", "America/Los_Angeles"),
        ("US Eastern", "America/New_York"),
        ("China", "Asia/Shanghai"),
        ("Deutschland", "Europe/Berlin"),
        ("Beijing", "Asia/Shanghai"),
        ("北京", "Asia/Shanghai"),
        ("Mumbai", "Asia/Kolkata"),
        ("Geneva", "Europe/Zurich"),
        ("new york", "America/New_York"),
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("GMT Standard Time", "Europe/London"),
        ("China Standard Time", "Asia/Shanghai"),
        ("India Standard Time", "Asia/Kolkata"),
    ],
)
def test_timezone_is_understood_as_people_write_it(typed: str, zone: str) -> None:
    assert check_timezone(typed) == zone


@pytest.mark.parametrize("offset", ["GMT+1", "UTC-5", "+01:00", "UTC +05:30", "GMT-11", "UTC+12"])
def test_timezone_by_offset_is_refused_because_of_summer_time(offset: str) -> None:
    with pytest.raises(BadRecord, match="summer time; name a place, as in Europe/Berlin"):
        check_timezone(offset)


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("IST", "did you mean 'Asia/Jerusalem', 'Asia/Kolkata' or 'Europe/Dublin'"),
        ("CST", "'America/Chicago' or 'Asia/Shanghai'"),
        ("USA", "'America/New_York'"),
        ("Europe/Berln", "did you mean 'Europe/Berlin'"),
        ("Beijng", "did you mean 'Asia/Shanghai'"),
        ("EDD", "write it like Europe/Berlin or UTC"),
        ("localtime", "write it like Europe/Berlin or UTC"),
        ("../etc/passwd", "write it like Europe/Berlin or UTC"),
    ],
)
def test_timezone_that_is_ambiguous_or_misspelt_is_refused_with_a_hint(typed: str, hint: str) -> None:
    with pytest.raises(BadRecord, match=f"invalid time zone {typed!r}.*{hint}"):
        check_timezone(typed)


def test_every_name_leads_to_known_zones() -> None:
    assert {zone for zones in _names().values() for zone in zones} <= available_timezones()
