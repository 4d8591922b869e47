"""Where papers come from: one file a source, one line here.

Each source says what to request and how to read the answer; all HTTP is in ingest.
"""

import re
from collections.abc import Callable
from pathlib import Path

from digestd.errors import BadInput
from digestd.sources.arxiv_api import ArxivApi
from digestd.sources.arxiv_rss import ArxivRss
from digestd.sources.hf_daily import HfDaily
from digestd.sources.jsonl import Jsonl
from digestd.sources.source import Pace, Page, Reject, Request, Source

__all__ = ["REGISTRY", "Jsonl", "Pace", "Page", "Reject", "Request", "Source", "parse_source", "parse_sources"]

_CATEGORY = re.compile(r"[a-z]{1,10}(-[a-z]{2,4})?(\.([A-Z]{2}|[a-z]{2,7}(-[a-z]{2,5})?))?")


def _categories(argument: str) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(argument.replace(" ", "+").split("+")))
    if not 1 <= len(found) <= 20 or not all(_CATEGORY.fullmatch(name) for name in found):
        raise BadInput(f"{argument[:80]!r} is no list of arXiv categories; write 1 to 20 of them like cs.LG+stat.ML")
    return found


def _nothing(argument: str) -> None:
    if argument:
        raise BadInput(f"hf-daily takes nothing after it, but has {argument[:80]!r}")


def _path(argument: str) -> Path:
    if not argument or len(argument) > 180:
        raise BadInput("jsonl: needs the path of a file, at most 180 characters, as in jsonl:/data/papers.jsonl")
    return Path(argument)


def _hf_daily(argument: str) -> Source:
    _nothing(argument)
    return HfDaily()


REGISTRY: dict[str, Callable[[str], Source]] = {
    "arxiv": lambda argument: ArxivApi(_categories(argument)),
    "arxiv-rss": lambda argument: ArxivRss(_categories(argument)),
    "hf-daily": _hf_daily,
    "jsonl": lambda argument: Jsonl(_path(argument)),
}
"""Every kind of source; what stands after the colon of a spec goes to its maker."""


def parse_source(spec: str) -> Source:
    """The source a spec names, e.g. `arxiv-rss:cs.AI+cs.CL`. Raises BadInput naming the known ones."""
    kind, _, argument = spec.strip().partition(":")
    make = REGISTRY.get(kind)
    if make is None:
        raise BadInput(
            f"source {spec.strip()[:80]!r}: unknown; use arxiv:CATEGORIES, arxiv-rss:CATEGORIES, hf-daily or jsonl:PATH"
        )
    return make(argument)


def parse_sources(specs: str) -> list[Source]:
    """The sources of a comma-separated list, each once; `none` or nothing is no source at all."""
    names = [spec.strip() for spec in specs.split(",") if spec.strip()]
    if names == ["none"]:
        return []
    return list({source.name: source for source in map(parse_source, names)}.values())
