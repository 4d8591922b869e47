"""Private references; what subscribers' imports and libraries wrote into the public papers is taken out of them.

Until now an import and a linked library stored unknown papers as public ones. It is known which were subscribers':
each of their sightings has the source `library`, a name that no configured source can have and that no operator's
import used (`paper import` writes `import`, the operator's BibTeX file `bibtex:PATH`).

Each of these sightings goes. A paper that has no other sighting goes too, with what was noted about it. A paper that
has others becomes what these say: its name, identifiers, title, abstract, authors, categories and links. If the
sightings that stay name two works, joined by nothing but a subscriber's identifier, they become two papers again.
Revisions that hold words or links of no remaining sighting are overwritten, also where an old digest shows them, so
`digestd replay` reports that such a digest differs from what was sent.

The words of a sighting become a reference of the subscriber who brought them: of whoever came to like the paper at the
instant of the sighting, or of the only owner of a library that lists it. Where neither is known nobody is given
somebody else's words; the like stays, and a linked library is read in full the next time. Profiles and text models that
were made from the words are rebuilt.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

from digestd.tex import to_plain

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
LIBRARY = "library"
MERGED = "merged:"
TRUST = {"arxiv": 4, "arxiv-oai": 3, "import": 2, "arxiv-rss": 1}
BLOCK = 5_000
Row = sa.Row[Any]


def _table(name: str, columns: str, **special: Any) -> sa.TableClause:
    return sa.table(name, *(sa.column(one, special.get(one)) for one in columns.split()))


PAPER = _table("paper", "id paper_id revision_id published_us first_seen_us archived withdrawn", archived=sa.Boolean(),
               withdrawn=sa.Boolean())  # fmt: skip
ALIAS = _table("paper_alias", "alias paper")
REVISION = _table(
    "revision",
    "id paper title abstract plain_title plain_abstract authors categories url links made_us",
    authors=sa.JSON(),
    categories=sa.JSON(),
    links=sa.JSON(),
)
SIGHTING = _table("sighting", "id paper source external_id version announced digest record seen_us", record=sa.JSON())
MERGING = _table("merging", "id kept absorbed by evidence moved at_us undone_us", moved=sa.JSON())
INTEREST = _table("interest", "subscriber_id kind value since_us")
LIBRARIES = _table("library", "id subscriber_id version")
ENTRY = _table("library_entry", "library_id paper")
REFERENCE = _table(
    "reference", "subscriber_id name ids title abstract authors added_us", ids=sa.JSON(), authors=sa.JSON()
)
OF_PAPER = ("paper_alias", "likeness", "signal", "sighting", "feedback", "muting")
"""Tables with a column `paper`, besides `revision`."""


def upgrade() -> None:
    op.create_table(
        "reference",
        sa.Column("subscriber_id", KEY, nullable=False),
        sa.Column("name", sa.String(length=500), nullable=False),
        sa.Column("ids", sa.JSON(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("abstract", sa.Text(), nullable=False),
        sa.Column("authors", sa.JSON(), nullable=False),
        sa.Column("added_us", sa.BigInteger(), nullable=False),
        sa.Column("model", sa.String(length=64), nullable=True),
        sa.Column("terms", sa.LargeBinary(), nullable=True),
        sa.Column("encoder", sa.String(length=80), nullable=True),
        sa.Column("vector", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscriber.id"], name=op.f("fk_reference_subscriber_id")),
        sa.PrimaryKeyConstraint("subscriber_id", "name", name=op.f("pk_reference")),
    )
    connection = op.get_bind()
    theirs = list(connection.execute(sa.select(SIGHTING).where(SIGHTING.c.source == LIBRARY).order_by(SIGHTING.c.id)))
    if theirs:
        owners = list(_owners(connection, theirs))
        _rename_likes(connection, _take_out(connection, theirs), owners)
        _bring(connection, owners)
        _forget_derived(connection, min(row.seen_us for row in theirs))


def downgrade() -> None:
    op.drop_table("reference")


def _in(column: sa.ColumnElement[Any], values: Iterable[Any]) -> Iterator[sa.ColumnElement[bool]]:
    """Yield conditions that together hold for all of the values."""
    held = sorted(set(values))
    for start in range(0, len(held), BLOCK):
        yield column.in_(held[start : start + BLOCK])


def _rows(connection: sa.Connection, query: Any, column: sa.ColumnElement[Any], values: Iterable[Any]) -> list[Row]:
    return [row for where in _in(column, values) for row in connection.execute(query.where(where))]


# Whose the words are


def _owners(connection: sa.Connection, theirs: Sequence[Row]) -> Iterator[tuple[int, Row]]:
    """Yield (subscriber, sighting) for each whose owner is known."""
    names = {row.external_id for row in theirs}
    liked = sa.select(INTEREST.c.subscriber_id, INTEREST.c.value, INTEREST.c.since_us).where(INTEREST.c.kind == "paper")
    dated = {(row.value, row.since_us): row.subscriber_id for row in _rows(connection, liked, INTEREST.c.value, names)}
    listed = sa.select(ENTRY.c.paper, LIBRARIES.c.subscriber_id).join_from(
        ENTRY, LIBRARIES, LIBRARIES.c.id == ENTRY.c.library_id
    )
    readers: dict[str, set[int]] = defaultdict(set)
    for row in _rows(connection, listed, ENTRY.c.paper, names):
        readers[row.paper].add(row.subscriber_id)
    for row in theirs:
        mine = readers[row.external_id]
        owner = dated.get((row.external_id, row.seen_us)) or (min(mine) if len(mine) == 1 else None)
        if owner is not None:
            yield owner, row


def _bring(connection: sa.Connection, owners: Sequence[tuple[int, Row]]) -> None:
    """Store the references that no public paper stands for, and have the libraries read in full."""
    names = {row.external_id for _, row in owners}
    public = {row.alias for row in _rows(connection, sa.select(ALIAS.c.alias), ALIAS.c.alias, names)}
    found = {(who, row.external_id): row for who, row in owners if row.external_id not in public}
    if found:
        rows = [
            {
                "subscriber_id": who,
                "name": name,
                "ids": [name],
                "title": row.record.get("title", ""),
                "abstract": row.record.get("abstract", "")[:5_000],
                "authors": row.record.get("authors", [])[:100],
                "added_us": row.seen_us,
            }
            for (who, name), row in found.items()
        ]
        connection.execute(sa.insert(REFERENCE), rows)
    connection.execute(sa.update(LIBRARIES).values(version=0))


# What the papers are without them


@dataclass
class Told:
    """The remains of one paper: its row, its real sightings, and the other rows that were merged into it."""

    row: Row
    sightings: list[Row]
    absorbed: set[int] = field(default_factory=set)


def _take_out(connection: sa.Connection, theirs: Sequence[Row]) -> dict[str, str]:
    """Remove the subscribers' sightings; returns which papers lost the name they had, and the names they have now."""
    touched = {row.paper for row in theirs}
    left: dict[int, list[Row]] = defaultdict(list)
    for row in _rows(connection, sa.select(SIGHTING), SIGHTING.c.paper, touched):
        if row.source != LIBRARY:
            left[row.paper].append(row)
    ids = {row.id for row in theirs}
    for where in _in(SIGHTING.c.id, ids):
        connection.execute(sa.delete(SIGHTING).where(where))
    papers = _rows(connection, sa.select(PAPER), PAPER.c.id, touched)
    told = {row.id: Told(row, sorted(left[row.id], key=lambda one: one.id)) for row in papers}
    aliases = _rows(connection, sa.select(ALIAS), ALIAS.c.paper, touched)
    for row in aliases:
        if row.alias.startswith(MERGED):
            told[row.paper].absorbed.add(int(row.alias.removeprefix(MERGED)))
    mergings = _mergings(connection, told)
    dead = {key for key, one in told.items() if not one.sightings}
    dead |= {other for key in dead for other in told[key].absorbed}
    for key, one in sorted(told.items()):
        if one.sightings:
            dead |= _restate(connection, one, mergings[key], ids)
    _remove(connection, dead)
    kept = {key: one.row.paper_id for key, one in told.items() if one.sightings}
    now = _rows(connection, sa.select(PAPER.c.id, PAPER.c.paper_id), PAPER.c.id, kept)
    return {kept[row.id]: row.paper_id for row in now if row.paper_id != kept[row.id]}


def _rename_likes(connection: sa.Connection, renamed: Mapping[str, str], owners: Sequence[tuple[int, Row]]) -> None:
    """Let whoever liked a paper under a name that a subscriber gave it like it under its own; not that subscriber."""
    papers = sa.select(INTEREST.c.value).where(INTEREST.c.kind == "paper").distinct()
    entries = sa.select(ENTRY.c.paper.label("value")).distinct()
    used = _rows(connection, papers, INTEREST.c.value, renamed) + _rows(connection, entries, ENTRY.c.paper, renamed)
    for old in sorted({row.value for row in used}):
        new, whose = renamed[old], {who for who, row in owners if row.external_id == old}
        known = sa.select(INTEREST.c.subscriber_id).where(INTEREST.c.kind == "paper", INTEREST.c.value == new)
        theirs = {*connection.execute(known).scalars(), *whose}
        for (who,) in connection.execute(
            sa.select(INTEREST.c.subscriber_id).where(INTEREST.c.kind == "paper", INTEREST.c.value == old)
        ).all():
            if who not in theirs:
                mine = (INTEREST.c.subscriber_id == who, INTEREST.c.kind == "paper", INTEREST.c.value == old)
                connection.execute(sa.update(INTEREST).where(*mine).values(value=new))
        listed = sa.select(LIBRARIES.c.id).where(LIBRARIES.c.subscriber_id.not_in(sorted(whose)))
        others = (ENTRY.c.paper == old, ENTRY.c.library_id.in_(listed))
        connection.execute(sa.update(ENTRY).where(*others).values(paper=new))


def _mergings(connection: sa.Connection, told: Mapping[int, Told]) -> dict[int, list[Row]]:
    """Return the mergings that made each of these papers, oldest first."""
    holder = {other: key for key, one in told.items() for other in (key, *one.absorbed)}
    found: dict[int, list[Row]] = defaultdict(list)
    for row in _rows(connection, sa.select(MERGING), MERGING.c.absorbed, holder):
        if row.undone_us is None and holder.get(row.kept) == holder[row.absorbed]:
            found[holder[row.absorbed]].append(row)
    return defaultdict(list, {key: sorted(rows, key=lambda row: row.id) for key, rows in found.items()})


def _restate(connection: sa.Connection, told: Told, mergings: Sequence[Row], theirs: set[int]) -> set[int]:
    """Make a paper what its real sightings say; returns the row numbers of merged papers that nothing is left of."""
    ours = {row.id for row in told.sightings}
    dead = {row.absorbed for row in mergings if not ours & set(row.moved["sightings"])}
    groups = _groups(told.sightings, [row for row in mergings if row.by == "operator"])
    main = min(groups, key=lambda group: (not any(map(_is_arxiv, group)), group[0].id))
    apart = [(group, _place(group, mergings, dead)) for group in groups if group is not main]
    _mend_mergings(connection, mergings, told, theirs, {place for _, place in apart})
    _overwrite(connection, told, main)
    freed = _name(connection, told, main)
    for group, place in apart:
        _split_off(connection, told, group, place, freed)
    return dead


def _place(group: Sequence[Row], mergings: Sequence[Row], dead: set[int]) -> int | None:
    """Return the row that a group had before it was merged; None if it never had one."""
    ours = {row.id for row in group}
    live = [row for row in mergings if row.absorbed not in dead]
    return next((row.absorbed for row in live if ours & set(row.moved["sightings"])), None)


class _Works:
    """Sightings joined into works, by union-find; two arXiv ids are two works."""

    def __init__(self, sightings: Sequence[Row]) -> None:
        self._above = {row.id: row.id for row in sightings}
        self._arxiv = {row.id: {name for name in row.record["ids"] if name.startswith("arxiv:")} for row in sightings}

    def top(self, one: int) -> int:
        while self._above[one] != one:
            one = self._above[one]
        return one

    def join(self, one: int, other: int, *, anyway: bool = False) -> None:
        kept, gone = sorted((self.top(one), self.top(other)))
        mine, theirs = self._arxiv[kept], self._arxiv[gone]
        if kept != gone and (anyway or not (mine and theirs) or mine & theirs):
            self._above[gone] = kept
            self._arxiv[kept] = mine | theirs


def _groups(sightings: Sequence[Row], joined: Sequence[Row]) -> list[list[Row]]:
    """Group sightings into works: by identifiers, by title and an author, or because an operator said so."""
    works = _Works(sightings)
    known = {row.id for row in sightings}
    for merging in joined:
        moved = sorted(known & set(merging.moved["sightings"]))
        kept = [row.id for row in sightings if row.id not in moved and row.seen_us <= merging.at_us]
        for one in moved:
            works.join(one, [*kept, *moved][0], anyway=True)
    first: dict[str, int] = {}
    for row in sightings:
        for key in [*row.record["ids"], *_likeness(row)]:
            works.join(row.id, first.setdefault(key, row.id))
    found: dict[int, list[Row]] = defaultdict(list)
    for row in sightings:
        found[works.top(row.id)].append(row)
    return list(found.values())


def _likeness(row: Row) -> list[str]:
    """Return keys that two sightings of one work share: the letters of the title, with the surname of an author."""
    title = "".join(letter for letter in row.record.get("title", "").casefold() if letter.isalnum())
    surnames = {name.split(",")[0].split()[-1].casefold() for name in row.record.get("authors", []) if name.strip(", ")}
    return [f"{title}\n{surname}" for surname in sorted(surnames)] if title else []


def _mend_mergings(
    connection: sa.Connection, mergings: Sequence[Row], told: Told, theirs: set[int], parted: set[int | None]
) -> None:
    """Take the subscribers' sightings and words out of the records of mergings.

    One that left nothing on one side, or whose sides are parted again, counts as undone.
    """
    ours = {row.id for row in told.sightings}
    names = {name for row in told.sightings for name in row.record["ids"]}
    for row in mergings:
        sightings = [one for one in row.moved["sightings"] if one not in theirs]
        moved = {**row.moved, "sightings": sightings}
        moved["aliases"] = [name for name in row.moved["aliases"] if name in names or name.startswith(MERGED)]
        is_over = row.absorbed in parted or not ours - set(sightings)
        values = {"moved": moved, "evidence": "", "undone_us": row.at_us if is_over else None}
        connection.execute(sa.update(MERGING).where(MERGING.c.id == row.id).values(values))


def _name(connection: sa.Connection, told: Told, main: Sequence[Row]) -> set[str]:
    """Leave a paper the identifiers that its sightings report, and its text; returns the identifiers it loses."""
    key, names = told.row.id, _ids(main)
    held = set(connection.execute(sa.select(ALIAS.c.alias).where(ALIAS.c.paper == key)).scalars())
    freed = {alias for alias in held - names if not alias.startswith(MERGED)}
    for where in _in(ALIAS.c.alias, freed):
        connection.execute(sa.delete(ALIAS).where(where))
    values: dict[str, object] = {"paper_id": _canonical(names)}
    values["revision_id"] = _revision(connection, told, (key, told.row.archived), _text(main))
    if told.row.archived:
        values |= {"first_seen_us": min(row.seen_us for row in main), "published_us": _published(main)}
    connection.execute(sa.update(PAPER).where(PAPER.c.id == key).values(values))
    return freed


def _split_off(connection: sa.Connection, told: Told, group: Sequence[Row], place: int | None, freed: set[str]) -> None:
    """Make a paper of its own of sightings that nothing but a subscriber's identifier joined to another."""
    names = _ids(group)
    is_archived = bool(told.row.archived) or not any(one.announced in ("new", "cross") for one in group)
    row = {
        "paper_id": _canonical(names),
        "published_us": _published(group),
        "first_seen_us": min(one.seen_us for one in group),
        "archived": is_archived,
        "withdrawn": any(one.record.get("withdrawn") for one in group),
    }
    if place is None:
        place = int(connection.execute(sa.insert(PAPER).values(row).returning(PAPER.c.id)).scalar_one())
    else:
        connection.execute(sa.delete(ALIAS).where(ALIAS.c.alias == f"{MERGED}{place}"))
        connection.execute(sa.update(PAPER).where(PAPER.c.id == place).values(row))
    for where in _in(SIGHTING.c.id, (one.id for one in group)):
        connection.execute(sa.update(SIGHTING).where(where).values(paper=place))
    connection.execute(sa.insert(ALIAS), [{"alias": name, "paper": place} for name in sorted(names & freed)])
    current = _revision(connection, told, (place, is_archived), _text(group))
    connection.execute(sa.update(PAPER).where(PAPER.c.id == place).values(revision_id=current))


# What they say


def _is_arxiv(row: Row) -> bool:
    return str(row.source).partition(":")[0].partition("-")[0] == "arxiv"


def _ids(group: Sequence[Row]) -> set[str]:
    return {name for row in group for name in row.record["ids"]}


def _canonical(names: Iterable[str]) -> str:
    return min(names, key=lambda name: (not name.startswith("arxiv:"), not name.startswith("doi:"), name))


def _published(group: Sequence[Row]) -> int:
    dated = [datetime.fromisoformat(row.record["published"]) for row in group if "published" in row.record]
    given = [int(one.timestamp() * 1_000_000) for one in dated]
    return min(given, default=min(row.seen_us for row in group))


def _trust(row: Row) -> tuple[bool, int, int, bool, str, str]:
    own, kind = str(row.external_id), str(row.source).partition(":")[0]
    version = (row.version or 0) if _is_arxiv(row) else 0
    return _is_arxiv(row), version, TRUST.get(kind, 0), own.startswith("arxiv:"), str(row.source), own


def _text(group: Sequence[Row]) -> dict[str, Any]:
    """Return the words and links of a paper: of the most trusted source, and what it leaves open of the next."""
    ordered = sorted(group, key=lambda row: (row.version or 0, row.seen_us, row.id))
    newest = {(row.source, row.external_id): row for row in ordered}
    ranked = [row.record for row in sorted(newest.values(), key=_trust, reverse=True)]
    name = _canonical(_ids(group))
    links = _pdf(name)
    for record in reversed(ranked):
        links |= record.get("links", {})
    return {
        "title": ranked[0]["title"],
        "abstract": next((one["abstract"] for one in ranked if one.get("abstract")), ""),
        "authors": next((one["authors"] for one in ranked if one.get("authors")), []),
        "categories": next((one["categories"] for one in ranked if one.get("categories")), []),
        "url": next((one["url"] for one in ranked if one.get("url")), None) or _home(name),
        "links": dict(sorted(links.items())),
    }


def _home(name: str) -> str | None:
    scheme, _, value = name.partition(":")
    homes = {"arxiv": "https://arxiv.org/abs/", "doi": "https://doi.org/"}
    return homes[scheme] + value if scheme in homes else None


def _pdf(name: str) -> dict[str, str]:
    scheme, _, value = name.partition(":")
    return {"pdf": f"https://arxiv.org/pdf/{value}"} if scheme == "arxiv" else {}


def _plain(text: Mapping[str, Any], is_archived: bool) -> dict[str, Any]:
    if is_archived:
        return {"plain_title": None, "plain_abstract": None}
    return {"plain_title": to_plain(text["title"]), "plain_abstract": to_plain(text["abstract"])}


def _overwrite(connection: sa.Connection, told: Told, main: Sequence[Row]) -> None:
    """Put what real sources say in the place of every revision that says anything else."""
    said = _Said(told.sightings)
    rows = connection.execute(sa.select(REVISION).where(REVISION.c.paper == told.row.id)).all()
    tainted = [row.id for row in rows if not said.covers(row)]
    text = _text(main)
    for where in _in(REVISION.c.id, tainted):
        connection.execute(sa.update(REVISION).where(where).values({**text, **_plain(text, told.row.archived)}))
    _forget_read(connection, tainted)


class _Said:
    """Everything that the real sources ever said of a paper."""

    def __init__(self, sightings: Sequence[Row]) -> None:
        records = [row.record for row in sightings]
        names = _ids(sightings)
        self._titles = {record["title"] for record in records}
        self._abstracts = {"", *(record.get("abstract", "") for record in records)}
        self._authors = {json.dumps([]), *(json.dumps(record.get("authors", [])) for record in records)}
        self._categories = {json.dumps([]), *(json.dumps(record.get("categories", [])) for record in records)}
        self._urls = {None, *(record.get("url") for record in records), *map(_home, names)}
        self._links = {item for record in records for item in record.get("links", {}).items()}
        self._links |= {item for name in names for item in _pdf(name).items()}

    def covers(self, row: Row) -> bool:
        """Return True if a revision holds nothing else."""
        return (
            row.title in self._titles
            and row.abstract in self._abstracts
            and json.dumps(row.authors) in self._authors
            and json.dumps(row.categories) in self._categories
            and row.url in self._urls
            and set(row.links.items()) <= self._links
        )


def _revision(connection: sa.Connection, told: Told, of: tuple[int, bool], text: Mapping[str, Any]) -> int:
    """Return the newest revision of a paper (row number, archived) with this text, made now if there is none."""
    paper, is_archived = of
    rows = connection.execute(sa.select(REVISION).where(REVISION.c.paper == paper).order_by(REVISION.c.id.desc()))
    for row in rows:
        if all(getattr(row, name) == value for name, value in text.items()):
            return int(row.id)
    made = max(one.seen_us for one in told.sightings)
    values = {**text, **_plain(text, is_archived), "paper": paper, "made_us": made}
    return int(connection.execute(sa.insert(REVISION).values(values).returning(REVISION.c.id)).scalar_one())


# What goes


def _forget_read(connection: sa.Connection, revisions: Sequence[int]) -> None:
    """Delete what the models read in these revisions."""
    for name in ("embedding", "encoding"):
        table = sa.table(name, sa.column("revision"))
        for where in _in(table.c.revision, revisions):
            connection.execute(sa.delete(table).where(where))


def _remove(connection: sa.Connection, papers: set[int]) -> None:
    """Delete papers that nobody but subscribers reported, and what hangs on them."""
    revisions = _rows(connection, sa.select(REVISION.c.id), REVISION.c.paper, papers)
    _forget_read(connection, [row.id for row in revisions])
    for name in ("revision", *OF_PAPER):
        table = sa.table(name, sa.column("paper"))
        for where in _in(table.c.paper, papers):
            connection.execute(sa.delete(table).where(where))
    for where in _in(ALIAS.c.alias, (f"{MERGED}{key}" for key in papers)):
        connection.execute(sa.delete(ALIAS).where(where))
    for name, columns in (("merging", ("kept", "absorbed")), ("apart", ("one", "other"))):
        table = sa.table(name, *map(sa.column, columns))
        for column in columns:
            for where in _in(table.c[column], papers):
                connection.execute(sa.delete(table).where(where))
    for where in _in(PAPER.c.id, papers):
        connection.execute(sa.delete(PAPER).where(where))


def _forget_derived(connection: sa.Connection, since_us: int) -> None:
    """Delete profiles, and the text models that were fitted while the words were among the papers."""
    models = sa.table("text_model", sa.column("id"), sa.column("fitted_us"))
    deliveries = sa.table("delivery", sa.column("model_id"))
    fitted = sa.select(models.c.id).where(models.c.fitted_us >= since_us)
    connection.execute(sa.update(deliveries).where(deliveries.c.model_id.in_(fitted)).values(model_id=None))
    connection.execute(sa.delete(models).where(models.c.fitted_us >= since_us))
    connection.execute(sa.delete(sa.table("profile")))
