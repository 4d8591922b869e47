"""Sources of papers, each one line in the registry.

`parse_source` turns a spec such as `arxiv-rss:cs.AI` into a source. A source says which request
comes next and parses the answer; it is pure and sends nothing (`digestd.fetching` does).
`REGISTRY` names the class of every source type; its module is imported at first use, because
planning needs the names only. This package knows nothing about the store, ranking or mail.
"""

from dataclasses import dataclass
from difflib import get_close_matches
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
    """A type of source, as the registry describes it.

    Attributes:
        class_path: module and class, as in `arxiv.api.ArxivApi`.
        label: the name shown to people.
        usage: how to write a spec; without a colon if it takes no argument.
        is_verified: proven on recordings of real answers; the others follow their documentation only.
        arguments: arguments of `from_spec` that precede the part after the colon.
    """

    class_path: str
    label: str
    usage: str
    is_verified: bool = False
    arguments: tuple[str, ...] = ()

    def create(self, argument: str) -> Source:
        """Create a source from the part of its spec after the colon. Raises BadInput."""
        kind = self.load()
        if ":" not in self.usage and argument:
            raise BadInput(f"{self.usage} takes nothing after it, but has {argument[:80]!r}")
        source: Source = kind.from_spec(*self.arguments, argument) if ":" in self.usage else kind()
        return source

    def load(self) -> Any:
        file, _, name = self.class_path.rpartition(".")
        return getattr(import_module(f"{__name__}.{file}"), name)


REGISTRY: dict[str, SourceType] = {
    "acl-anthology": SourceType("acl_anthology.AclAnthology", "ACL Anthology", "acl-anthology:VENUE", is_verified=True),
    "arxiv": SourceType("arxiv.api.ArxivApi", "arXiv", "arxiv:CATEGORIES", is_verified=True),
    "arxiv-oai": SourceType("arxiv.oai.ArxivOai", "arXiv", "arxiv-oai:CATEGORIES", is_verified=True),
    "arxiv-rss": SourceType("arxiv.rss.ArxivRss", "arXiv", "arxiv-rss:CATEGORIES", is_verified=True),
    "bibtex": SourceType("bibtex.BibtexFile", "a file", "bibtex:PATH", is_verified=True),
    "biorxiv": SourceType(
        "biorxiv.Biorxiv", "bioRxiv", "biorxiv or biorxiv:CATEGORIES", is_verified=True, arguments=("biorxiv",)
    ),
    "chemrxiv": SourceType("crossref.Chemrxiv", "ChemRxiv", "chemrxiv or chemrxiv:SUBJECTS", is_verified=True),
    "crossref": SourceType("crossref.Crossref", "Crossref", "crossref:ISSNS", is_verified=True),
    "dblp": SourceType("dblp.Dblp", "dblp", "dblp:SEARCH", is_verified=True),
    "europepmc": SourceType("europe_pmc.EuropePmc", "Europe PMC", "europepmc:SEARCH", is_verified=True),
    "feed": SourceType("feed.FeedSource", "a feed", "feed:ADDRESS", is_verified=True),
    "github-stars": SourceType("github_stars.GithubStars", "GitHub", "github-stars", is_verified=True),
    "hal": SourceType("hal.Hal", "HAL", "hal:SEARCH"),
    "hf-daily": SourceType("hugging_face.HfDaily", "Hugging Face", "hf-daily", is_verified=True),
    "hf-trending": SourceType("hugging_face.HfTrending", "Hugging Face", "hf-trending"),
    "jsonl": SourceType("jsonl.JsonlFile", "a file", "jsonl:PATH", is_verified=True),
    "medrxiv": SourceType(
        "biorxiv.Biorxiv", "medRxiv", "medrxiv or medrxiv:CATEGORIES", is_verified=True, arguments=("medrxiv",)
    ),
    "openalex": SourceType("openalex.Openalex", "OpenAlex", "openalex:IDS", is_verified=True),
    "openreview": SourceType("openreview.Openreview", "OpenReview", "openreview:VENUE"),
    "pubmed": SourceType("pubmed.Pubmed", "PubMed", "pubmed:SEARCH", is_verified=True),
    "s2-citations": SourceType("semantic_scholar.CitationCounts", "Semantic Scholar", "s2-citations", is_verified=True),
    "s2-recommend": SourceType(
        "semantic_scholar.Recommendations", "Semantic Scholar", "s2-recommend:IDS", is_verified=True
    ),
    "zenodo": SourceType("zenodo.Zenodo", "Zenodo", "zenodo:SEARCH", is_verified=True),
}
"""Every source type by the part of its spec before the colon."""


def parse_source(spec: str) -> Source:
    """Return the source of a spec, e.g. `arxiv-rss:cs.AI+cs.CL`. Raises BadInput naming the known types."""
    name, _, argument = spec.strip().partition(":")
    kind = REGISTRY.get(name)
    if kind is None:
        raise BadInput(f"source {spec.strip()[:80]!r}: unknown; {_remedy(spec.strip())}")
    return kind.create(argument)


def _remedy(spec: str) -> str:
    """Return what was probably meant by an unknown spec, else all types."""
    if spec.lower().startswith(("http://", "https://")):
        return f"did you mean feed:{spec[:80]}?"
    if near := get_close_matches(spec.partition(":")[0].lower(), REGISTRY, n=1):
        return f"did you mean {REGISTRY[near[0]].usage}?"
    return f"use one of {', '.join(known.usage for known in REGISTRY.values())}"


def parse_sources(specs: str) -> list[Source]:
    """Return the sources of a comma-separated list without duplicates; None for `none` or an empty list."""
    names = [spec.strip() for spec in specs.split(",") if spec.strip()]
    if names == ["none"]:
        return []
    return list({source.name: source for source in map(parse_source, names)}.values())


def source_type(name: str) -> SourceType | None:
    """Return the type of a source by its name (spec); None if it is not in the registry."""
    return REGISTRY.get(name.partition(":")[0])
