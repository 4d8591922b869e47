"""Judge whether two papers are one work.

An item is two lines of JSON, each a paper in the form of `paper import` (`digestd.sources.jsonl`), and is expected to
be `same` or `different`. To hide what the sources say of each other, leave their identifiers out of the other line.
"""

import json

from digestd.papers.identity import without_shared_dois
from digestd.papers.similarity import blocking_keys, same_work
from digestd.sources.jsonl import read_record


def read_pair(raw: bytes) -> frozenset[str]:
    """Return `same` if the papers share an identifier or would be merged, else `different`."""
    one, other = without_shared_dois([read_record(json.loads(line)) for line in raw.splitlines()], {})
    is_compared = not blocking_keys(one).isdisjoint(blocking_keys(other))
    is_same = not set(one.ids).isdisjoint(other.ids) or (is_compared and same_work(one, other).is_same_work)
    return frozenset({"same" if is_same else "different"})
