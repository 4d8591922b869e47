"""Pairs of the outside data.

Works with much in common, and one work as another source would give it.

Labels follow from identifiers, which are then taken away, so that words alone decide. Four pairs
are left out because the data has one work twice, with the same authors and abstract word for word:
arxiv 2410.06949 and 2412.11713; citeulike 182 and 250, 827 and 831, 828 and 834.
"""

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from digestd.domain.paper import PaperId, Sighting, Words
from digestd.sources import parse_source
from tests.papers.pairs.forms import FORMS
from tests.papers.pairs.invented import Pair
from tests.support.outside import outside

_HERE = Path(__file__).parent


def pairs() -> Iterator[Pair]:
    """Every pair that found.jsonl names; skips the test where the data is absent."""
    works = _works()
    recorded = _recorded()
    for line in (_HERE / "found.jsonl").read_text().splitlines():
        named = json.loads(line)
        if "different" in named:
            one, other = (_without_id(works[name], name) for name in named["different"])
            yield Pair(one, other, False, "much in common", True)
        elif "form" in named:
            work = _without_id(works[named["same"]], "one")
            yield Pair(work, FORMS[named["form"]](work), True, named["form"], True)
        elif "listed" in named:
            yield Pair(
                _without_id(works[named["same"]], "one"),
                _without_id(works[named["listed"]], "other"),
                True,
                "listed without authors",
                True,
            )
        else:
            twin = _without_id(recorded[named["same"]], "other")
            yield Pair(_without_id(works[named["same"]], "one"), twin, True, "recorded", True)


def _without_id(work: Sighting, name: str) -> Sighting:
    return Sighting((PaperId(f"feed:{name}"),), work.words, work.published)


def _works() -> dict[str, Sighting]:
    named = [
        ("arxiv", "id", ("hf_daily_papers", "papers.jsonl.gz")),
        ("citeulike", "id", ("citeulike_a", "items.jsonl.gz")),
        ("seed", "rank", ("seed_listing", "papers.jsonl.gz")),
    ]
    return {f"{scheme}:{record[key]}": _sighting(record) for scheme, key, parts in named for record in _records(*parts)}


def _recorded() -> dict[str, Sighting]:
    """Papers of recorded days, as the source reads them."""
    source = parse_source("hf-daily")
    days = sorted(outside("source_fixtures", "hf_daily_papers_api").glob("*.json"))
    return {str(s.ids[0]): s for day in days if _is_whole(day) for s in source.parse(day.read_bytes()).sightings}


def _is_whole(day: Path) -> bool:
    answer = json.loads(day.read_bytes())
    return isinstance(answer, list) and all(isinstance(one, dict) for one in answer)


def _records(*parts: str) -> Iterator[dict[str, Any]]:
    with gzip.open(outside(*parts)) as lines:
        yield from map(json.loads, lines)


def _sighting(record: dict[str, Any]) -> Sighting:
    dated = record.get("published") or (f"{record['year']}-07-01" if record.get("year") else None)
    published = datetime.fromisoformat(dated.replace("Z", "+00:00")) if dated else None
    if published and published.tzinfo is None:
        published = published.replace(tzinfo=UTC)
    words = Words(record["title"], record["abstract"] or "", tuple(record.get("authors") or ()))
    return Sighting((PaperId("feed:x"),), words, published)
