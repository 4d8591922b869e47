"""Where papers come from: one file a source, one line here.

Each source says what to request and how to read the answer; all HTTP is in ingest. A source's file, and what it reads
with, is imported when one of its kind is asked for: planning only wants their names.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from digestd.errors import BadInput
from digestd.sources.jsonl import JsonlFile
from digestd.sources.source import (
    AnnouncementSource,
    BackfillSource,
    EnrichmentSource,
    Page,
    RateLimit,
    Reject,
    Request,
    Source,
)

__all__ = [
    "REGISTRY",
    "AnnouncementSource",
    "BackfillSource",
    "EnrichmentSource",
    "JsonlFile",
    "Page",
    "RateLimit",
    "Reject",
    "Request",
    "Source",
    "SourceType",
    "parse_source",
    "parse_sources",
    "source_type",
]


@dataclass(frozen=True, slots=True)
class SourceType:
    """A kind of source.

    `place`: the file and the class there. `label`: its name for people. `usage`: how a spec is written.
    `is_verified`: tried on answers recorded in earnest; the others follow their documentation alone.
    `first`: what the class is told before the rest of the spec.
    """

    class_path: str
    label: str
    usage: str
    is_verified: bool = False
    arguments: tuple[str, ...] = ()

    def create(self, argument: str) -> Source:
        """Make one of what stands after the colon of its spec. Raises BadInput."""
        source: Source = self.load().from_spec(*self.arguments, argument)
        return source

    def load(self) -> Any:
        """The class, its file imported."""
        file, _, name = self.class_path.partition(".")
        return getattr(import_module(f"{__name__}.{file}"), name)


REGISTRY: dict[str, SourceType] = {
    "arxiv": SourceType("arxiv_api.ArxivApi", "arXiv", "arxiv:CATEGORIES", is_verified=True),
    "arxiv-oai": SourceType("arxiv_oai.ArxivOai", "arXiv", "arxiv-oai:CATEGORIES"),
    "arxiv-rss": SourceType("arxiv_rss.ArxivRss", "arXiv", "arxiv-rss:CATEGORIES", is_verified=True),
    "bibtex": SourceType("bibtex.BibtexFile", "a file", "bibtex:PATH"),
    "biorxiv": SourceType("biorxiv.Biorxiv", "bioRxiv", "biorxiv or biorxiv:CATEGORIES", arguments=("biorxiv",)),
    "crossref": SourceType("crossref.Crossref", "Crossref", "crossref:ISSNS"),
    "dblp": SourceType("dblp.Dblp", "dblp", "dblp:SEARCH"),
    "feed": SourceType("feed.FeedSource", "a feed", "feed:ADDRESS"),
    "github-stars": SourceType("github_stars.GithubStars", "GitHub", "github-stars"),
    "hf-daily": SourceType("hf_daily.HfDaily", "Hugging Face", "hf-daily", is_verified=True),
    "hf-trending": SourceType("hf_trending.HfTrending", "Hugging Face", "hf-trending"),
    "jsonl": SourceType("jsonl.JsonlFile", "a file", "jsonl:PATH", is_verified=True),
    "medrxiv": SourceType("biorxiv.Biorxiv", "medRxiv", "medrxiv or medrxiv:CATEGORIES", arguments=("medrxiv",)),
    "openreview": SourceType("openreview.Openreview", "OpenReview", "openreview:VENUE"),
    "pubmed": SourceType("pubmed.Pubmed", "PubMed", "pubmed:SEARCH"),
    "s2-citations": SourceType("semantic_scholar.CitationCounts", "Semantic Scholar", "s2-citations"),
    "s2-recommend": SourceType("semantic_scholar.Recommendations", "Semantic Scholar", "s2-recommend:IDS"),
}
"""Every kind of source, by what stands before the colon of a spec."""


def parse_source(spec: str) -> Source:
    """The source a spec names, e.g. `arxiv-rss:cs.AI+cs.CL`. Raises BadInput naming the known ones."""
    name, _, argument = spec.strip().partition(":")
    kind = REGISTRY.get(name)
    if kind is None:
        usages = ", ".join(known.usage for known in REGISTRY.values())
        raise BadInput(f"source {spec.strip()[:80]!r}: unknown; use one of {usages}")
    return kind.create(argument)


def parse_sources(specs: str) -> list[Source]:
    """The sources of a comma-separated list, each once; `none` or nothing is no source at all."""
    names = [spec.strip() for spec in specs.split(",") if spec.strip()]
    if names == ["none"]:
        return []
    return list({source.name: source for source in map(parse_source, names)}.values())


def source_type(name: str) -> SourceType | None:
    """The kind of the source of this name (its spec); None for one that is not in the registry."""
    return REGISTRY.get(name.partition(":")[0])
