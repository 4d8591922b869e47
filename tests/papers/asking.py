"""Fetch addresses in turn.

`python -m tests.papers.asking DATABASE DEADLINE SECONDS URL…`.

Requests obey a limit like arXiv's: one every SECONDS, one at a time. The clock is the machine's, so that several
processes share it. Prints one line per answer.
"""

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from time import monotonic

from digestd.errors import SourceFailed
from digestd.fetching.fetch import Client, Fetcher, Limits
from digestd.sources.source import RateLimit, Request
from digestd.store.database import open_database

BEGAN = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)


def clock() -> datetime:
    """Return the same time in all processes of this machine."""
    return BEGAN + timedelta(seconds=monotonic())


async def ask(database: str, deadline: float, seconds: float, urls: list[str]) -> None:
    """Fetch each address."""
    client = Client("https://digest.example.org", limits=Limits(seconds=deadline, attempts=1))
    db = open_database(database)
    async with Fetcher(db, client, clock) as fetcher:
        for url in urls:
            try:
                answer = await fetcher.fetch(Request(url), RateLimit("arxiv.org", seconds, exclusive=True))
                print(len(answer.body or b""), flush=True)
            except SourceFailed as error:
                print(error, flush=True)
    db.close()


if __name__ == "__main__":
    asyncio.run(ask(sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), sys.argv[4:]))
