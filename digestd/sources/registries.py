"""Single papers by identifier, at the registries that know it.

| registry | request | documented at |
|---|---|---|
| arXiv | GET /api/query?id_list=… | https://info.arxiv.org/help/api/user-manual.html |
| Hugging Face | GET /api/papers/… | https://huggingface.co/docs/hub/api |
| Crossref | GET /works/… | https://api.crossref.org/swagger-ui/index.html |
| DataCite | GET /dois/… | https://support.datacite.org/reference/get_dois-id |
| OpenReview | GET /notes?id=… | https://docs.openreview.net/reference/api-v2 |

DOIs are asked for at the two registries themselves. Content negotiation at doi.org would follow a redirect that whoever
registers a DOI can choose.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol
from urllib.parse import quote, urlencode

from digestd.domain.paper import PaperId, Sighting, doi_id
from digestd.errors import BadRecord
from digestd.sources.arxiv.api import ARXIV_PACE, read_entry
from digestd.sources.arxiv.calendar import DEFAULT_CALENDAR
from digestd.sources.crossref import read_message, read_work
from digestd.sources.hugging_face import read_paper
from digestd.sources.json_records import (
    JsonObject,
    as_list,
    list_at,
    load_object,
    object_at,
    read_records,
    require_object,
    text_at,
)
from digestd.sources.openreview import read_note
from digestd.sources.source import Page, RateLimit, Request, make_words, web_url
from digestd.sources.xml_elements import ATOM, XmlElements, child_text
from digestd.text.jats import jats_to_text

HUGGING_FACE_PACE = RateLimit("huggingface.co", 1.0)
CROSSREF_PACE = RateLimit("api.crossref.org", 1.0, exclusive=True)
DATACITE_PACE = RateLimit("api.datacite.org", 1.0, exclusive=True)
OPENREVIEW_PACE = RateLimit("openreview.net", 4.0, exclusive=True)
UNKNOWN_STATUSES = frozenset({400, 404, 410})
"""Statuses by which a registry says that it has no such paper."""


class Registry(Protocol):
    """A registry that can be asked for papers by identifier."""

    @property
    def name(self) -> str:
        """Return its name; the parser process has one for each."""

    @property
    def label(self) -> str:
        """Return the name shown to people."""

    @property
    def rate_limit(self) -> RateLimit:
        """Return how often requests may be sent, shared with the source of the same host."""

    @property
    def ids_max(self) -> int:
        """Return how many identifiers one request may name."""

    @property
    def unknown_statuses(self) -> frozenset[int]:
        """Return the statuses by which it says that it has no such paper."""

    def request(self, names: Sequence[PaperId]) -> Request:
        """Return the request for papers."""

    def parse(self, body: bytes, cursor: str | None = None) -> Page:
        """Parse the answer: the papers that the registry has.

        Raises SourceFailed if it is not an answer of this registry.
        """


@dataclass(frozen=True, slots=True)
class ArxivRegistry:
    """arXiv's API by identifier."""

    base: str = "https://export.arxiv.org"
    name: ClassVar[str] = "registry:arxiv"
    label: ClassVar[str] = "arXiv"
    rate_limit: RateLimit = ARXIV_PACE
    ids_max: ClassVar[int] = 20
    unknown_statuses: ClassVar[frozenset[int]] = UNKNOWN_STATUSES

    def request(self, names: Sequence[PaperId]) -> Request:
        """Return the request for papers."""
        query = {"id_list": ",".join(map(_value, names)), "max_results": str(len(names))}
        return Request(f"{self.base}/api/query?{urlencode(query)}", fresh=True)

    def parse(self, body: bytes, cursor: str | None = None) -> Page:
        """Parse the answer; of an unknown identifier there is no entry, or one that lacks nearly everything."""
        del cursor
        found: list[Sighting] = []
        for entry in XmlElements(body, frozenset({ATOM + "feed"})).read(ATOM + "entry"):
            if "/api/errors" in child_text(entry, ATOM + "id"):
                continue
            try:
                found.append(read_entry(entry, DEFAULT_CALENDAR))
            except (BadRecord, ValueError):
                continue
        return Page(tuple(found))


@dataclass(frozen=True, slots=True)
class HuggingFaceRegistry:
    """Paper pages of Hugging Face, named by arXiv identifiers."""

    base: str = "https://huggingface.co"
    name: ClassVar[str] = "registry:huggingface"
    label: ClassVar[str] = "Hugging Face"
    rate_limit: RateLimit = HUGGING_FACE_PACE
    ids_max: ClassVar[int] = 1
    unknown_statuses: ClassVar[frozenset[int]] = UNKNOWN_STATUSES

    def request(self, names: Sequence[PaperId]) -> Request:
        """Return the request for a paper."""
        return Request(f"{self.base}/api/papers/{quote(_value(names[0]))}", fresh=True)

    def parse(self, body: bytes, cursor: str | None = None) -> Page:
        """Parse the answer."""
        del cursor
        return _page(load_object(body), lambda found: [read_paper({"paper": found})])


@dataclass(frozen=True, slots=True)
class CrossrefRegistry:
    """Works registered at Crossref."""

    base: str = "https://api.crossref.org"
    name: ClassVar[str] = "registry:crossref"
    label: ClassVar[str] = "Crossref"
    rate_limit: RateLimit = CROSSREF_PACE
    ids_max: ClassVar[int] = 1
    unknown_statuses: ClassVar[frozenset[int]] = UNKNOWN_STATUSES

    def request(self, names: Sequence[PaperId]) -> Request:
        """Return the request for a work."""
        return Request(f"{self.base}/works/{quote(_value(names[0]), safe='')}", fresh=True)

    def parse(self, body: bytes, cursor: str | None = None) -> Page:
        """Parse the answer."""
        del cursor
        return _page(read_message(load_object(body)), lambda work: list(read_work(work)))


@dataclass(frozen=True, slots=True)
class DataciteRegistry:
    """Works registered at DataCite, such as those at Zenodo."""

    base: str = "https://api.datacite.org"
    name: ClassVar[str] = "registry:datacite"
    label: ClassVar[str] = "DataCite"
    rate_limit: RateLimit = DATACITE_PACE
    ids_max: ClassVar[int] = 1
    unknown_statuses: ClassVar[frozenset[int]] = UNKNOWN_STATUSES

    def request(self, names: Sequence[PaperId]) -> Request:
        """Return the request for a work."""
        return Request(f"{self.base}/dois/{quote(_value(names[0]), safe='')}", fresh=True)

    def parse(self, body: bytes, cursor: str | None = None) -> Page:
        """Parse the answer."""
        del cursor
        return _page(
            load_object(body), lambda found: [_datacite_work(object_at(object_at(found, "data"), "attributes"))]
        )


@dataclass(frozen=True, slots=True)
class OpenreviewRegistry:
    """Public notes of OpenReview, in either version of its API."""

    base: str = "https://api2.openreview.net"
    name: ClassVar[str] = "registry:openreview"
    label: ClassVar[str] = "OpenReview"
    rate_limit: RateLimit = OPENREVIEW_PACE
    ids_max: ClassVar[int] = 1
    unknown_statuses: ClassVar[frozenset[int]] = UNKNOWN_STATUSES | {403}
    """A note that is not public is forbidden."""

    def request(self, names: Sequence[PaperId]) -> Request:
        """Return the request for a note."""
        return Request(f"{self.base}/notes?{urlencode({'id': _value(names[0])})}", fresh=True)

    def parse(self, body: bytes, cursor: str | None = None) -> Page:
        """Parse the answer; reviews and comments are no papers."""
        del cursor
        return Page(tuple(read_records(list_at(load_object(body), "notes"), read_note)[0]))


REGISTRIES: Mapping[str, tuple[Registry, ...]] = {
    "arxiv": (ArxivRegistry(), HuggingFaceRegistry()),
    "doi": (CrossrefRegistry(), DataciteRegistry()),
    "openreview": (OpenreviewRegistry(), OpenreviewRegistry("https://api.openreview.net")),
}
"""The registries of each scheme of identifiers, in the order asked (labels: domain.lookup.REGISTRY_LABELS)."""


def _value(name: PaperId) -> str:
    return name.partition(":")[2]


def _page(found: JsonObject, read: Callable[[JsonObject], list[Sighting]]) -> Page:
    """Return what the registry has; nothing if the record has no title, as covers and journals."""
    try:
        return Page(tuple(read(found)))
    except BadRecord:
        return Page()


def _datacite_work(work: JsonObject) -> Sighting:
    own = doi_id(text_at(work, "doi"))
    if own is None:
        raise BadRecord("doi", f"{text_at(work, 'doi')[:80]!r} is not a DOI")
    titles = [text_at(one, "title") for one in _objects(work, "titles")]
    abstracts = [
        text_at(one, "description")
        for one in _objects(work, "descriptions")
        if text_at(one, "descriptionType") == "Abstract"
    ]
    return Sighting(
        ids=(own,),
        words=make_words(
            jats_to_text(next(iter(titles), "")),
            jats_to_text(next(iter(abstracts), "")),
            [_creator(one) for one in _objects(work, "creators")],
        ),
        url=web_url(f"https://doi.org/{_value(own)}"),
    )


def _objects(work: JsonObject, key: str) -> list[JsonObject]:
    return [require_object(one, key) for one in as_list(work.get(key))]


def _creator(creator: JsonObject) -> str:
    """Return `given family`, or the name of a group."""
    names = [text_at(creator, key) for key in ("givenName", "familyName")]
    return " ".join(names) if all(names) else text_at(creator, "name")
