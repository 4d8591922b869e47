"""Papers, sightings, sources, and what is derived from them."""

from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
)

from digestd.domain.coverage import CoverageState
from digestd.domain.gist import GistKind
from digestd.store.tables.columns import KEY, METADATA, one_of, own_key, ref, us

paper = Table(
    "paper",
    METADATA,
    own_key(),
    Column("paper_id", String(400), nullable=False, unique=True),
    Column("revision_id", KEY, nullable=True),
    us("published_us"),
    us("first_seen_us"),
    Column("archived", Boolean, nullable=False, default=False),
    Column("withdrawn", Boolean, nullable=False, default=False),
    Index("ix_paper_first_seen_us", "first_seen_us"),
)
"""One work; `revision_id` is its current text. Archived papers are never news."""


paper_alias = Table(
    "paper_alias",
    METADATA,
    Column("alias", String(400), primary_key=True),
    ref("paper", "paper.id", index=True),
)
"""Every identifier of a paper, its own included."""


revision = Table(
    "revision",
    METADATA,
    own_key(),
    ref("paper", "paper.id", index=True),
    Column("title", String, nullable=False),
    Column("abstract", String, nullable=False),
    Column("plain_title", String),
    Column("plain_abstract", String),
    Column("authors", JSON, nullable=False),
    Column("categories", JSON, nullable=False),
    Column("url", String),
    Column("links", JSON, nullable=False),
    Column("facts", JSON, nullable=False),
    Column("summary", String, nullable=False, default=""),
    Column("gist", String),
    Column("brief_gist", String),
    Column("gist_kind", String(10)),
    Column("translations", JSON, nullable=False),
    us("made_us"),
    CheckConstraint(one_of("gist_kind", GistKind), "gist_kind"),
)
"""The words of a paper as of one sighting; append-only, so an old digest can be rebuilt.

`plain_…`: the same without TeX, made when the paper may be picked; turning TeX into words takes
milliseconds, which an archive of a hundred thousand papers need not spend. The gist is made with it.

`summary`: a source's own, as it gave it; `gist_kind` says where the gist is from; `translations`: the gist and its
short form by language, if a language model translates.
"""


sighting = Table(
    "sighting",
    METADATA,
    own_key(),
    ref("paper", "paper.id"),
    Column("source", String(200), nullable=False),
    Column("external_id", String(400), nullable=False),
    Column("version", Integer),
    Column("announced", String(20), nullable=False),
    Column("digest", LargeBinary(16), nullable=False),
    Column("record", JSON, nullable=False),
    us("seen_us"),
    UniqueConstraint("paper", "source", "digest"),
)
"""One source's report about a paper; a row per change (`digest` is a hash)."""


signal = Table(
    "signal",
    METADATA,
    ref("paper", "paper.id", primary_key=True),
    Column("name", String(40), primary_key=True),
    us("at_us", primary_key=True),
    Column("value", Float, nullable=False),
)
"""A community measure over time; a row per change of the value."""


fetch = Table(
    "fetch",
    METADATA,
    Column("source", String(200), primary_key=True),
    Column("url", String(2000), primary_key=True),
    Column("etag", String),
    Column("last_modified", String),
    us("fetched_us"),
    us("succeeded_us", nullable=True),
    Column("items", Integer, nullable=False, default=0),
    Column("error", String),
)
"""State of one request to one source: validators for the next, and the last outcome.

`succeeded_us`: when it last went well; a failure does not take that away.
"""


host = Table(
    "host",
    METADATA,
    Column("host", String(255), primary_key=True),
    us("next_request_us"),
    Column("locked_by", String(40)),
    us("locked_until_us"),
    Column("failures", Integer, nullable=False, default=0),
    us("circuit_open_until_us"),
    Column("error", String(500)),
)
"""The next request, the lock and the circuit breaker of a host, for all processes."""


source = Table(
    "source",
    METADATA,
    own_key(),
    Column("spec", String(200), nullable=False, unique=True),
    us("added_us"),
    Column("conference", String(16)),
    Column("programmes", String(10)),
    Column("sessions", JSON, nullable=True),
)
"""A configured source, by its spec.

`conference`: the name of the conference whose papers it lists; `programmes`: whether its programmes were asked for,
or planned; `sessions`: [start, end, room] by identifier of a paper.
"""


rejected_record = Table(
    "rejected_record",
    METADATA,
    Column("source", String(200), primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("place", String(200), nullable=False),
    Column("field", String(100), nullable=False),
    Column("message", String(500), nullable=False),
    us("at_us"),
)
"""A record that could not be read when its source was last fetched."""


coverage = Table(
    "coverage",
    METADATA,
    Column("source", String(200), primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("state", String(10), nullable=False),
    Column("items", Integer, nullable=False, default=0),
    Column("expected", Integer),
    Column("note", String(500)),
    us("at_us"),
    CheckConstraint(one_of("state", CoverageState), "state"),
)
"""The completeness of one announcement day; `expected` is the usual number."""


similarity_key = Table(
    "similarity_key",
    METADATA,
    us("key", primary_key=True),
    ref("paper", "paper.id", primary_key=True, index=True),
    sqlite_with_rowid=False,
)
"""A hash of what the title and authors of similar papers have in common."""


merge = Table(
    "merge",
    METADATA,
    own_key(),
    ref("kept", "paper.id", index=True),
    ref("absorbed", "paper.id", index=True),
    Column("by", String(20), nullable=False),
    Column("evidence", String(500), nullable=False),
    Column("moved", JSON, nullable=False),
    us("at_us"),
    us("undone_us", nullable=True),
)
"""Two merged papers: by what, why, and what moved, so that it can be undone."""


do_not_merge = Table(
    "do_not_merge",
    METADATA,
    ref("one", "paper.id", primary_key=True),
    ref("other", "paper.id", primary_key=True, index=True),
    us("at_us"),
)
"""Two papers that an operator has split; `one` < `other`."""


gist_attempt = Table(
    "gist_attempt",
    METADATA,
    ref("revision", "revision.id", primary_key=True),
    us("at_us", index=True),
    Column("outcome", String(10), nullable=False),
)
"""A revision that a language model was asked about, or wrote; `outcome` in one word."""


judgment = Table(
    "judgment",
    METADATA,
    Column("topic", LargeBinary(16), primary_key=True),
    Column("paper", LargeBinary(16), primary_key=True),
    Column("grade", Integer),
    Column("why", String(200)),
    us("at_us"),
    sqlite_with_rowid=False,
)
"""The grade of a paper for a topic by a language model, by hashes of both texts; `grade` is NULL if unjudged."""


judge_request = Table(
    "judge_request",
    METADATA,
    own_key(),
    us("at_us", index=True),
    Column("papers", Integer, nullable=False),
    Column("outcome", String(10), nullable=False),
)
"""The number of papers that a language model was asked to judge at a time; `outcome`: ok, late or failed."""


embedding = Table(
    "embedding",
    METADATA,
    ref("revision", "revision.id", primary_key=True),
    Column("model", String(80), nullable=False),
    Column("vector", LargeBinary, nullable=False),
)
"""The vector of a revision by the dense model in use, in half precision."""


encoding = Table(
    "encoding",
    METADATA,
    ref("revision", "revision.id", primary_key=True),
    Column("model", String(64), primary_key=True),
    Column("terms", LargeBinary, nullable=False),
)
"""The terms of a revision and their counts, by a text model."""


text_model = Table(
    "text_model",
    METADATA,
    own_key(),
    Column("version", String(64), nullable=False, unique=True),
    us("fitted_us"),
    us("used_us", nullable=True),
    Column("papers", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),
)
"""A fitted text model.

The one with the latest `used_us` is in use. One without is prepared: profiles are compiled by it. The data of old
ones is emptied.
"""
