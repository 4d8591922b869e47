"""Papers, sightings, sources, and what is derived from them."""

from sqlalchemy import JSON, CheckConstraint, Column, Index, LargeBinary, UniqueConstraint, text
from sqlmodel import Field

from digestd.domain.coverage import CoverageState
from digestd.domain.gist import GistKind
from digestd.store.tables.columns import KEY, Row, one_of, own_key, ref, us

LISTED = "announced = 'conference'"
"""Condition for what the sources of conferences list: few of all, found by an index of their own."""


class PaperRow(Row):
    """One work; `revision_id` is its current text. Archived papers are never news."""

    __tablename__ = "paper"
    __table_args__ = (Index("ix_paper_first_seen_us", "first_seen_us"),)
    id: int | None = Field(default=None, sa_column=own_key())
    paper_id: str = Field(unique=True, max_length=400)
    revision_id: int | None = Field(default=None, sa_column=Column(KEY, nullable=True))
    published_us: int = Field(sa_column=us())
    first_seen_us: int = Field(sa_column=us())
    archived: bool = False
    withdrawn: bool = False


class PaperAliasRow(Row):
    """Every identifier of a paper, its own included."""

    __tablename__ = "paper_alias"
    alias: str = Field(primary_key=True, max_length=400)
    paper: int = Field(sa_column=ref("paper.id", index=True))


class RevisionRow(Row):
    """The words of a paper as of one sighting; append-only, so an old digest can be rebuilt.

    `plain_…`: the same without TeX, made when the paper may be picked; turning TeX into words takes
    milliseconds, which an archive of a hundred thousand papers need not spend. The gist is made with it.

    `summary`: a source's own, as it gave it; `gist_kind` says where the gist is from; `translations`: the gist and its
    short form by language, if a language model translates.

    `words`: what a search finds (text.tokens.search_words), indexed by the database itself: SQLite's FTS5 by triggers,
    PostgreSQL by an index of an expression.
    """

    __tablename__ = "revision"
    __table_args__ = (CheckConstraint(one_of("gist_kind", GistKind), "gist_kind"),)
    id: int | None = Field(default=None, sa_column=own_key())
    paper: int = Field(sa_column=ref("paper.id", index=True))
    title: str
    abstract: str
    plain_title: str | None = None
    plain_abstract: str | None = None
    authors: list[str] = Field(sa_column=Column(JSON, nullable=False))
    categories: list[str] = Field(sa_column=Column(JSON, nullable=False))
    url: str | None = None
    links: dict[str, str] = Field(sa_column=Column(JSON, nullable=False))
    facts: dict[str, object] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    summary: str = ""
    gist: str | None = None
    brief_gist: str | None = None
    gist_kind: str | None = Field(default=None, max_length=10)
    translations: dict[str, list[str]] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    made_us: int = Field(sa_column=us())
    words: str | None = None


class SightingRow(Row):
    """One source's report about a paper; a row per change (`digest` is a hash)."""

    __tablename__ = "sighting"
    __table_args__ = (
        UniqueConstraint("paper", "source", "digest"),
        Index("ix_sighting_listed", "source", "paper", "seen_us",
              sqlite_where=text(LISTED), postgresql_where=text(LISTED)),
    )  # fmt: skip
    id: int | None = Field(default=None, sa_column=own_key())
    paper: int = Field(sa_column=ref("paper.id"))
    source: str = Field(max_length=200)
    external_id: str = Field(max_length=400)
    version: int | None = None
    announced: str = Field(max_length=20)
    digest: bytes = Field(sa_column=Column(LargeBinary(16), nullable=False))
    record: dict[str, object] = Field(sa_column=Column(JSON, nullable=False))
    seen_us: int = Field(sa_column=us())


class SignalRow(Row):
    """A community measure over time; a row per change of the value."""

    __tablename__ = "signal"
    paper: int = Field(sa_column=ref("paper.id", primary_key=True))
    name: str = Field(primary_key=True, max_length=40)
    at_us: int = Field(sa_column=us(primary_key=True))
    value: float


class FetchRow(Row):
    """State of one request to one source: validators for the next, and the last outcome.

    `succeeded_us`: when it last went well; a failure does not take that away.
    """

    __tablename__ = "fetch"
    source: str = Field(primary_key=True, max_length=200)
    url: str = Field(primary_key=True, max_length=2000)
    etag: str | None = None
    last_modified: str | None = None
    fetched_us: int = Field(sa_column=us())
    succeeded_us: int | None = Field(default=None, sa_column=us(nullable=True))
    items: int = 0
    error: str | None = None


class HostRow(Row):
    """The next request, the lock and the circuit breaker of a host, for all processes."""

    __tablename__ = "host"
    host: str = Field(primary_key=True, max_length=255)
    next_request_us: int = Field(sa_column=us())
    locked_by: str | None = Field(default=None, max_length=40)
    locked_until_us: int = Field(default=0, sa_column=us())
    failures: int = 0
    circuit_open_until_us: int = Field(default=0, sa_column=us())
    error: str | None = Field(default=None, max_length=500)


class SourceRow(Row):
    """A configured source, by its spec.

    `conference`: the name of the conference whose papers it lists; `programmes`: whether they were opened or held,
    whatever its list says; `sessions`: [start, end, room] by identifier of a paper.
    """

    __tablename__ = "source"
    id: int | None = Field(default=None, sa_column=own_key())
    spec: str = Field(unique=True, max_length=200)
    added_us: int = Field(sa_column=us())
    conference: str | None = Field(default=None, max_length=16)
    programmes: str | None = Field(default=None, max_length=10)
    sessions: dict[str, list[str]] | None = Field(default=None, sa_column=Column(JSON, nullable=True))


class RejectedRecordRow(Row):
    """A record that could not be read when its source was last fetched."""

    __tablename__ = "rejected_record"
    source: str = Field(primary_key=True, max_length=200)
    n: int = Field(primary_key=True)
    place: str = Field(max_length=200)
    field: str = Field(max_length=100)
    message: str = Field(max_length=500)
    at_us: int = Field(sa_column=us())


class CoverageRow(Row):
    """The completeness of one announcement day; `expected` is the usual number."""

    __tablename__ = "coverage"
    __table_args__ = (CheckConstraint(one_of("state", CoverageState), "state"),)
    source: str = Field(primary_key=True, max_length=200)
    day: str = Field(primary_key=True, max_length=10)
    state: str = Field(max_length=10)
    items: int = 0
    expected: int | None = None
    note: str | None = Field(default=None, max_length=500)
    at_us: int = Field(sa_column=us())


class SimilarityKeyRow(Row):
    """A hash of what the title and authors of similar papers have in common."""

    __tablename__ = "similarity_key"
    __table_args__ = ({"sqlite_with_rowid": False},)
    key: int = Field(sa_column=us(primary_key=True))
    paper: int = Field(sa_column=ref("paper.id", primary_key=True, index=True))


class MergeRow(Row):
    """Two merged papers: by what, why, and what moved, so that it can be undone."""

    __tablename__ = "merge"
    id: int | None = Field(default=None, sa_column=own_key())
    kept: int = Field(sa_column=ref("paper.id", index=True))
    absorbed: int = Field(sa_column=ref("paper.id", index=True))
    by: str = Field(max_length=20)
    evidence: str = Field(max_length=500)
    moved: dict[str, object] = Field(sa_column=Column(JSON, nullable=False))
    at_us: int = Field(sa_column=us())
    undone_us: int | None = Field(default=None, sa_column=us(nullable=True))


class DoNotMergeRow(Row):
    """Two papers that an operator has split; `one` < `other`."""

    __tablename__ = "do_not_merge"
    one: int = Field(sa_column=ref("paper.id", primary_key=True))
    other: int = Field(sa_column=ref("paper.id", primary_key=True, index=True))
    at_us: int = Field(sa_column=us())


class GistAttemptRow(Row):
    """A revision that a language model was asked about, or wrote; `outcome` in one word."""

    __tablename__ = "gist_attempt"
    revision: int = Field(sa_column=ref("revision.id", primary_key=True))
    at_us: int = Field(sa_column=us(index=True))
    outcome: str = Field(max_length=10)


class JudgmentRow(Row):
    """The grade of a paper for a topic by a language model, by hashes of both texts; `grade` is NULL if unjudged."""

    __tablename__ = "judgment"
    __table_args__ = ({"sqlite_with_rowid": False},)
    topic: bytes = Field(sa_column=Column(LargeBinary(16), primary_key=True))
    paper: bytes = Field(sa_column=Column(LargeBinary(16), primary_key=True))
    grade: int | None = None
    why: str | None = Field(default=None, max_length=200)
    at_us: int = Field(sa_column=us())


class JudgeRequestRow(Row):
    """The number of papers that a language model was asked to judge at a time; `outcome`: ok, late or failed."""

    __tablename__ = "judge_request"
    id: int | None = Field(default=None, sa_column=own_key())
    at_us: int = Field(sa_column=us(index=True))
    papers: int
    outcome: str = Field(max_length=10)


class EmbeddingRow(Row):
    """The vector of a revision by the dense model in use, in half precision."""

    __tablename__ = "embedding"
    revision: int = Field(sa_column=ref("revision.id", primary_key=True))
    model: str = Field(max_length=80)
    vector: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class EncodingRow(Row):
    """The terms of a revision and their counts, by a text model."""

    __tablename__ = "encoding"
    revision: int = Field(sa_column=ref("revision.id", primary_key=True))
    model: str = Field(primary_key=True, max_length=64)
    terms: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class TextModelRow(Row):
    """A fitted text model.

    The one with the latest `used_us` is in use. One without is prepared: profiles are compiled by it. The data of old
    ones is emptied.
    """

    __tablename__ = "text_model"
    id: int | None = Field(default=None, sa_column=own_key())
    version: str = Field(max_length=64, unique=True)
    fitted_us: int = Field(sa_column=us())
    used_us: int | None = Field(default=None, sa_column=us(nullable=True))
    papers: int
    data: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
