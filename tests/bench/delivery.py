"""Run `digestd bench delivery` with all subscribers and with a tenth.

    python -m tests.bench.delivery --subscribers 20000 --papers 500 [--database URL] [--json]

`flat_memory`: peak memory with all subscribers divided by that with a tenth; 1 is flat. `broken`: the violated
invariants of the ledger.
"""

import argparse
import json
from datetime import UTC, datetime

from digestd.evaluation.bench.delivery import DeliveryLoad, measure_delivery

NOW = datetime(2026, 11, 24, 7, tzinfo=UTC)


def main() -> None:
    """Print the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subscribers", type=int, default=20_000)
    parser.add_argument("--papers", type=int, default=500)
    parser.add_argument("--database", default="", help="an empty database; by default SQLite in a temporary folder")
    parser.add_argument("--pairs", type=int, default=1, help="smtp-source and deliver in turn, so many times")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    full = measure_delivery(
        DeliveryLoad(given.subscribers, given.papers, pairs=given.pairs, database=given.database), NOW
    )
    if not given.database:
        tenth = measure_delivery(DeliveryLoad(given.subscribers // 10, given.papers, pairs=1), NOW)
        large, small = full["rss_mib"], tenth["rss_mib"]
        assert isinstance(large, dict)
        assert isinstance(small, dict)
        full |= {"rss_mib_at_a_tenth": small}
        full |= {"flat_memory": {stage: round(large[stage] / small[stage], 3) for stage in large}}
    print(json.dumps(full, indent=None if given.json else 2))


if __name__ == "__main__":
    main()
