"""Measure how the cost of a digest grows with subscribers, papers, the database and the signature.

    python -m tests.bench.growth [--subscribers 2000 20000] [--papers 1000 100 3000] [--json]

The first numbers, SQLite and no signature are the base; each further row changes one of them. Each row is a run of
`python -m tests.bench.delivery` with one process. Size and CPU time per digest, and peak memory:

    mail_bytes            depends on the papers, as fewer of few are good enough
    plan_us, deliver_us   digestd's own; the processes of PostgreSQL are not included
    relay_us              smtp-sink's
    compile_us            for a new or changed profile
    plan_mib, deliver_mib
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from tests import postgres
from tests.bench.delivery import DeliveryLoad, measure_delivery

NOW = datetime(2026, 11, 24, 7, tzinfo=UTC)
COLUMNS = {
    "subscribers": "subscribers",
    "papers": "papers",
    "database": "database",
    "dkim": "DKIM",
    "mail_bytes": "bytes",
    "plan_us": "plan µs",
    "deliver_us": "deliver µs",
    "relay_us": "relay µs",
    "compile_us": "compile µs",
    "plan_mib": "plan MiB",
    "deliver_mib": "deliver MiB",
}


def main() -> None:
    """Print the table of performance.md, or the figures as JSON, row by row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subscribers", type=int, nargs="+", default=[2_000, 20_000])
    parser.add_argument("--papers", type=int, nargs="+", default=[1_000, 100, 3_000])
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if not given.json:
        print(_line(list(COLUMNS.values())), _line(["---"] * len(COLUMNS)), sep="\n", flush=True)
    for load in loads(given.subscribers, given.papers):
        row = measure(load)
        print(json.dumps(row) if given.json else _line([f"{row[column]}" for column in COLUMNS]), flush=True)


def loads(subscribers: Sequence[int], papers: Sequence[int]) -> Iterator[DeliveryLoad]:
    """Yield the base, and loads that differ from it in one thing; `postgresql` stands for a server to start."""
    base = DeliveryLoad(subscribers[0], papers[0], processes=1, pairs=1)
    yield base
    yield from (replace(base, subscribers=count) for count in subscribers[1:])
    yield from (replace(base, papers=count) for count in papers[1:])
    if postgres.binaries():
        yield replace(base, database="postgresql")
    yield from (replace(base, dkim=kind) for kind in ("ed25519", "rsa"))


def measure(load: DeliveryLoad) -> dict[str, Any]:
    """Return the figures of a row.

    Raises:
        RuntimeError: a mail was lost or doubled, or the ledger is broken.
    """
    with ExitStack() as stack:
        url = stack.enter_context(postgres.server()) if load.database else ""
        found: Any = measure_delivery(replace(load, database=url), NOW)
    if found["sent"] != found["arrived"] or found["broken"]:
        raise RuntimeError(f"{found['sent']} mails sent, {found['arrived']} arrived; broken: {found['broken']}")
    return {
        "subscribers": load.subscribers,
        "papers": load.papers,
        "database": "PostgreSQL" if load.database else "SQLite",
        "dkim": load.dkim,
        "mail_bytes": found["mail_bytes"],
        "plan_us": round(found["plan_us"]),
        "deliver_us": round(found["client_us"] - found["plan_us"]),
        "relay_us": round(found["relay_us"]),
        "compile_us": round(found["compile_us"]),
        "plan_mib": found["rss_mib"]["plan"],
        "deliver_mib": found["rss_mib"]["deliver"],
    }


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
