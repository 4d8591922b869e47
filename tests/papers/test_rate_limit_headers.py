"""Test every form of rate limit headers."""

from datetime import UTC, datetime

import pytest

from digestd.fetching.host_scheduler import requested_pause

NOW = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)
EPOCH = int(NOW.timestamp())
AHEAD = "Tue, 24 Nov 2026 06:55:00 GMT"
"""The time of a host while the clock here is five minutes ahead."""


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (429, {"retry-after": "120"}, 120),
        (503, {"retry-after": "Tue, 24 Nov 2026 07:01:00 GMT"}, 60),
        (503, {"retry-after": "Tue, 24 Nov 2026 06:00:00 GMT"}, 0),
        (503, {"retry-after": "soon"}, 0),
        (503, {"retry-after": "-5"}, 0),
        (200, {"retry-after": "120"}, 0),
        (200, {"backoff": "30"}, 30),
        (429, {"backoff": "30", "retry-after": "10"}, 30),
        (200, {"ratelimit": '"default";r=0;t=30'}, 30),
        (200, {"ratelimit": '"default";r=1;t=30'}, 0),
        (200, {"ratelimit": '"burst";r=9;t=5, "daily";r=0;t=600'}, 600),
        (200, {"ratelimit-limit": "100", "ratelimit-remaining": "0", "ratelimit-reset": "45"}, 45),
        (200, {"ratelimit-remaining": "12", "ratelimit-reset": "45"}, 0),
        (200, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(EPOCH + 90)}, 90),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(EPOCH + 90)}, 90),
        (200, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "20"}, 20),
        (200, {"x-rate-limit-remaining": "0", "x-rate-limit-reset": "20"}, 20),
        (200, {"ratelimit": "nonsense;;;=", "ratelimit-remaining": "none", "x-ratelimit-reset": "inf"}, 0),
        (200, {"ratelimit-remaining": "nan", "ratelimit-reset": "1"}, 0),
        (429, {"retry-after": "30.5"}, 30.5),
        (429, {"retry-after": "120.0"}, 120),
        (429, {"retry-after": "Mon, 01 Jan 2024 00:00:00 +99999999999999999999"}, 0),
        (200, {"backoff": "10.5"}, 10.5),
        (200, {"ratelimit": '"d";t=5;r=0'}, 5),
        (200, {"ratelimit": '"d";w=60;t=5;r=3, "e";t=7; r=0'}, 7),
        (200, {"x-ratelimit-remaining": "0, 0;w=60", "x-ratelimit-reset": "50"}, 50),
        (200, {"x-ratelimit-remaining": "-1", "x-ratelimit-reset": "50"}, 50),
        (200, {"x-ratelimit-remaining": "3, 0;w=60", "x-ratelimit-reset": "50"}, 0),
        (200, {"date": AHEAD, "x-ratelimit-remaining": "0", "x-ratelimit-reset": str(EPOCH - 210)}, 90),
        (503, {"date": AHEAD, "retry-after": "Tue, 24 Nov 2026 06:56:00 GMT"}, 60),
        (503, {"date": "now", "retry-after": "Tue, 24 Nov 2026 07:01:00 GMT"}, 60),
        (200, {}, 0),
    ],
)
def test_requested_pause_reads_every_header_form(status: int, headers: dict[str, str], seconds: float) -> None:
    assert requested_pause(status, headers, NOW) == pytest.approx(seconds)
