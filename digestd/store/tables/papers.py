"""Papers, what sources said of them, and what is derived or kept beside them."""

from sqlalchemy import JSON, CheckConstraint, Column, Index, LargeBinary, UniqueConstraint
from sqlmodel import Field, SQLModel

from digestd.domain.coverage import CoverageState
from digestd.store.tables.columns import KEY, one_of, own_key, ref, us


class PaperRow(SQLModel, table=True):
    """One work. `revision_id` is its current text; archived papers train the text model only."""

    __tablename__ = "paper"
    __table_args__ = (Index("ix_paper_first_seen_us", "first_seen_us"),)
    id: int | None = Field(default=None, sa_column=own_key())
    paper_id: str = Field(unique=True, max_length=400)
    revision_id: int | None = Field(default=None, sa_column=Column(KEY, nullable=True))
    published_us: int = Field(sa_column=us())
    first_seen_us: int = Field(sa_column=us())
    archived: bool = False
    withdrawn: bool = False


class PaperAliasRow(SQLModel, table=True):
    """Every identifier a work is known under, its own included."""

    __tablename__ = "paper_alias"
    alias: str = Field(primary_key=True, max_length=400)
    paper: int = Field(sa_column=ref("paper.id", index=True))


class RevisionRow(SQLModel, table=True):
    """The words of a paper as of one sighting; append-only, so an old digest can be rebuilt.

    `plain_…`: the same without TeX, made when the paper may be picked; turning TeX into words takes
    milliseconds, which an archive of a hundred thousand papers need not spend.
    """

    __tablename__ = "revision"
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
    made_us: int = Field(sa_column=us())


class SightingRow(SQLModel, table=True):
    """What one source said of a paper; a row per change of its words (`digest` is their hash)."""

    __tablename__ = "sighting"
    __table_args__ = (UniqueConstraint("paper", "source", "digest"),)
    id: int | None = Field(default=None, sa_column=own_key())
    paper: int = Field(sa_column=ref("paper.id"))
    source: str = Field(max_length=200)
    external_id: str = Field(max_length=400)
    version: int | None = None
    announced: str = Field(max_length=20)
    digest: bytes = Field(sa_column=Column(LargeBinary(16), nullable=False))
    record: dict[str, object] = Field(sa_column=Column(JSON, nullable=False))
    seen_us: int = Field(sa_column=us())


class SignalRow(SQLModel, table=True):
    """A community measure over time; a row only where the value changed."""

    __tablename__ = "signal"
    paper: int = Field(sa_column=ref("paper.id", primary_key=True))
    name: str = Field(primary_key=True, max_length=40)
    at_us: int = Field(sa_column=us(primary_key=True))
    value: float


class FetchRow(SQLModel, table=True):
    """What is known of one request to one source: validators for the next, and how the last went.

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


class HostRow(SQLModel, table=True):
    """When a host may be asked next, by whatever process, who is asking it now, and how it has failed."""

    __tablename__ = "host"
    host: str = Field(primary_key=True, max_length=255)
    next_request_us: int = Field(sa_column=us())
    locked_by: str | None = Field(default=None, max_length=40)
    locked_until_us: int = Field(default=0, sa_column=us())
    failures: int = 0
    circuit_open_until_us: int = Field(default=0, sa_column=us())
    error: str | None = Field(default=None, max_length=500)


class SourceRow(SQLModel, table=True):
    """A source that is asked, by its spec."""

    __tablename__ = "source"
    id: int | None = Field(default=None, sa_column=own_key())
    spec: str = Field(unique=True, max_length=200)
    added_us: int = Field(sa_column=us())


class RejectedRecordRow(SQLModel, table=True):
    """A record that could not be read when its source was last asked."""

    __tablename__ = "rejected_record"
    source: str = Field(primary_key=True, max_length=200)
    n: int = Field(primary_key=True)
    place: str = Field(max_length=200)
    field: str = Field(max_length=100)
    message: str = Field(max_length=500)
    at_us: int = Field(sa_column=us())


class CoverageRow(SQLModel, table=True):
    """How complete one announcement day of one source is. `expected`: about how many there should be."""

    __tablename__ = "coverage"
    __table_args__ = (CheckConstraint(one_of("state", CoverageState), "state"),)
    source: str = Field(primary_key=True, max_length=200)
    day: str = Field(primary_key=True, max_length=10)
    state: str = Field(max_length=10)
    items: int = 0
    expected: int | None = None
    note: str | None = Field(default=None, max_length=500)
    at_us: int = Field(sa_column=us())


class SimilarityKeyRow(SQLModel, table=True):
    """Papers that may be one work share a key: a hash of what their title and authors have in common."""

    __tablename__ = "similarity_key"
    __table_args__ = ({"sqlite_with_rowid": False},)
    key: int = Field(sa_column=us(primary_key=True))
    paper: int = Field(sa_column=ref("paper.id", primary_key=True, index=True))


class MergeRow(SQLModel, table=True):
    """Two papers that became one: who said so, on what evidence, and what moved, so that it can be undone."""

    __tablename__ = "merge"
    id: int | None = Field(default=None, sa_column=own_key())
    kept: int = Field(sa_column=ref("paper.id", index=True))
    absorbed: int = Field(sa_column=ref("paper.id", index=True))
    by: str = Field(max_length=20)
    evidence: str = Field(max_length=500)
    moved: dict[str, object] = Field(sa_column=Column(JSON, nullable=False))
    at_us: int = Field(sa_column=us())
    undone_us: int | None = Field(default=None, sa_column=us(nullable=True))


class DoNotMergeRow(SQLModel, table=True):
    """Two papers that an operator said are two works, whatever they have in common; `one` < `other`."""

    __tablename__ = "do_not_merge"
    one: int = Field(sa_column=ref("paper.id", primary_key=True))
    other: int = Field(sa_column=ref("paper.id", primary_key=True, index=True))
    at_us: int = Field(sa_column=us())


class EmbeddingRow(SQLModel, table=True):
    """A revision as the dense model in use reads it: its vector in half precision."""

    __tablename__ = "embedding"
    revision: int = Field(sa_column=ref("revision.id", primary_key=True))
    model: str = Field(max_length=80)
    vector: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class EncodingRow(SQLModel, table=True):
    """A revision as the text model in use reads it: which terms stand in it, and how often."""

    __tablename__ = "encoding"
    revision: int = Field(sa_column=ref("revision.id", primary_key=True))
    model: str = Field(max_length=64)
    terms: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class TextModelRow(SQLModel, table=True):
    """A fitted text model; the newest is used. Of old ones `data` is emptied, as digests still name them."""

    __tablename__ = "text_model"
    id: int | None = Field(default=None, sa_column=own_key())
    version: str = Field(max_length=64, unique=True)
    fitted_us: int = Field(sa_column=us())
    papers: int
    data: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class TemplateSetRow(SQLModel, table=True):
    """A set of templates by hash, so that a digest is composed with those it was planned for."""

    __tablename__ = "template_set"
    hash: str = Field(primary_key=True, max_length=64)
    files: dict[str, str] = Field(sa_column=Column(JSON, nullable=False))
