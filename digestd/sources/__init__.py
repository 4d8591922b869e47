"""Where papers come from: one file a source, one line here.

Each source says what to request and how to read the answer; all HTTP is in ingest.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from digestd.errors import BadInput
from digestd.sources.arxiv_api import ArxivApi
from digestd.sources.arxiv_oai import ArxivOai
from digestd.sources.arxiv_rss import ArxivRss
from digestd.sources.bibtex import Bibtex
from digestd.sources.biorxiv import Biorxiv
from digestd.sources.crossref import Crossref
from digestd.sources.dblp import Dblp
from digestd.sources.feed import Feed
from digestd.sources.github_stars import GithubStars
from digestd.sources.hf_daily import HfDaily
from digestd.sources.hf_trending import HfTrending
from digestd.sources.jsonl import Jsonl
from digestd.sources.openreview import Openreview
from digestd.sources.pubmed import Pubmed
from digestd.sources.semantic_scholar import Citations, Recommended
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
    "arxiv-oai": Kind(ArxivOai.of, "arXiv", "arxiv-oai:CATEGORIES"),
    "arxiv-rss": Kind(ArxivRss.of, "arXiv", "arxiv-rss:CATEGORIES", proven=True),
    "bibtex": Kind(Bibtex.of, "a file", "bibtex:PATH"),
    "biorxiv": Kind(partial(Biorxiv.of, "biorxiv"), "bioRxiv", "biorxiv or biorxiv:CATEGORIES"),
    "crossref": Kind(Crossref.of, "Crossref", "crossref:ISSNS"),
    "dblp": Kind(Dblp.of, "dblp", "dblp:SEARCH"),
    "feed": Kind(Feed.of, "a feed", "feed:ADDRESS"),
    "github-stars": Kind(GithubStars.of, "GitHub", "github-stars"),
    "hf-daily": Kind(HfDaily.of, "Hugging Face", "hf-daily", proven=True),
    "hf-trending": Kind(HfTrending.of, "Hugging Face", "hf-trending"),
    "jsonl": Kind(Jsonl.of, "a file", "jsonl:PATH", proven=True),
    "medrxiv": Kind(partial(Biorxiv.of, "medrxiv"), "medRxiv", "medrxiv or medrxiv:CATEGORIES"),
    "openreview": Kind(Openreview.of, "OpenReview", "openreview:VENUE"),
    "pubmed": Kind(Pubmed.of, "PubMed", "pubmed:SEARCH"),
    "s2-citations": Kind(Citations.of, "Semantic Scholar", "s2-citations"),
    "s2-recommend": Kind(Recommended.of, "Semantic Scholar", "s2-recommend:IDS"),
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
