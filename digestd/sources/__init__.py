"""Where papers come from: one file a source, one line here.

Each source says what to request and how to read the answer; all HTTP is in ingest. A source's file, and what it reads
with, is imported when one of its kind is asked for: planning only wants their names.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from digestd.errors import BadInput
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

    `place`: the file and the class there. `label`: its name for people. `usage`: how a spec is written.
    `proven`: tried on answers recorded in earnest; the others follow their documentation alone.
    `first`: what the class is told before the rest of the spec.
    """

    place: str
    label: str
    usage: str
    proven: bool = False
    first: tuple[str, ...] = ()

    def of(self, argument: str) -> Source:
        """Make one of what stands after the colon of its spec. Raises BadInput."""
        source: Source = self.load().of(*self.first, argument)
        return source

    def load(self) -> Any:
        """The class, its file imported."""
        file, _, name = self.place.partition(".")
        return getattr(import_module(f"{__name__}.{file}"), name)


REGISTRY: dict[str, Kind] = {
    "arxiv": Kind("arxiv_api.ArxivApi", "arXiv", "arxiv:CATEGORIES", proven=True),
    "arxiv-oai": Kind("arxiv_oai.ArxivOai", "arXiv", "arxiv-oai:CATEGORIES"),
    "arxiv-rss": Kind("arxiv_rss.ArxivRss", "arXiv", "arxiv-rss:CATEGORIES", proven=True),
    "bibtex": Kind("bibtex.Bibtex", "a file", "bibtex:PATH"),
    "biorxiv": Kind("biorxiv.Biorxiv", "bioRxiv", "biorxiv or biorxiv:CATEGORIES", first=("biorxiv",)),
    "crossref": Kind("crossref.Crossref", "Crossref", "crossref:ISSNS"),
    "dblp": Kind("dblp.Dblp", "dblp", "dblp:SEARCH"),
    "feed": Kind("feed.Feed", "a feed", "feed:ADDRESS"),
    "github-stars": Kind("github_stars.GithubStars", "GitHub", "github-stars"),
    "hf-daily": Kind("hf_daily.HfDaily", "Hugging Face", "hf-daily", proven=True),
    "hf-trending": Kind("hf_trending.HfTrending", "Hugging Face", "hf-trending"),
    "jsonl": Kind("jsonl.Jsonl", "a file", "jsonl:PATH", proven=True),
    "medrxiv": Kind("biorxiv.Biorxiv", "medRxiv", "medrxiv or medrxiv:CATEGORIES", first=("medrxiv",)),
    "openreview": Kind("openreview.Openreview", "OpenReview", "openreview:VENUE"),
    "pubmed": Kind("pubmed.Pubmed", "PubMed", "pubmed:SEARCH"),
    "s2-citations": Kind("semantic_scholar.Citations", "Semantic Scholar", "s2-citations"),
    "s2-recommend": Kind("semantic_scholar.Recommended", "Semantic Scholar", "s2-recommend:IDS"),
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
