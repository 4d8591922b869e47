"""Where papers come from: one file a source, one line here.

Each source says what to request and how to read the answer; all HTTP is in ingest.
"""

from collections.abc import Callable
from dataclasses import dataclass

from digestd.errors import BadInput
from digestd.sources.arxiv_api import ArxivApi
from digestd.sources.arxiv_rss import ArxivRss
from digestd.sources.hf_daily import HfDaily
from digestd.sources.jsonl import Jsonl
from digestd.sources.source import Announcing, Backfilled, Enriching, Pace, Page, Reject, Request, Source

__all__ = [
    "REGISTRY",
    "Announcing",
    "Backfilled",
    "Enriching",
    "Jsonl",
    "Kind",
    "Pace",
    "Page",
    "Reject",
    "Request",
    "Source",
    "kind_of",
    "parse_source",
    "parse_sources",
]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of source.

    `of`: makes one of what stands after the colon of its spec; raises BadInput. `label`: its name
    for people. `usage`: how a spec is written. `proven`: tried on answers recorded in earnest;
    the others follow their documentation alone.
    """

    of: Callable[[str], Source]
    label: str
    usage: str
    proven: bool = False


REGISTRY: dict[str, Kind] = {
    "arxiv": Kind(ArxivApi.of, "arXiv", "arxiv:CATEGORIES", proven=True),
    "arxiv-rss": Kind(ArxivRss.of, "arXiv", "arxiv-rss:CATEGORIES", proven=True),
    "hf-daily": Kind(HfDaily.of, "Hugging Face", "hf-daily", proven=True),
    "jsonl": Kind(Jsonl.of, "a file", "jsonl:PATH", proven=True),
}
"""Every kind of source, by what stands before the colon of a spec."""


def parse_source(spec: str) -> Source:
    """The source a spec names, e.g. `arxiv-rss:cs.AI+cs.CL`. Raises BadInput naming the known ones."""
    name, _, argument = spec.strip().partition(":")
    kind = REGISTRY.get(name)
    if kind is None:
        usages = ", ".join(known.usage for known in REGISTRY.values())
        raise BadInput(f"source {spec.strip()[:80]!r}: unknown; use one of {usages}")
    return kind.of(argument)


def parse_sources(specs: str) -> list[Source]:
    """The sources of a comma-separated list, each once; `none` or nothing is no source at all."""
    names = [spec.strip() for spec in specs.split(",") if spec.strip()]
    if names == ["none"]:
        return []
    return list({source.name: source for source in map(parse_source, names)}.values())


def kind_of(name: str) -> Kind | None:
    """The kind of the source of this name (its spec); None for one that is not in the registry."""
    return REGISTRY.get(name.partition(":")[0])
