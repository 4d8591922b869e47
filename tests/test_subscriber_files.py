"""Importing and exporting: good lines go in, bad ones are told, and nobody is brought back."""

import io
import json
from collections.abc import Iterator
from datetime import datetime

import pytest
from sqlalchemy import func, select

from digestd.domain.interest import Interest, Kind, Wish
from digestd.domain.subscriber import Bar, Cadence, Cause, Status, Subscriber
from digestd.domain.suppression import SuppressionReason
from digestd.errors import BadInput, BadRecord
from digestd.security.links import Keys, address_key
from digestd.store import core, subscribers
from digestd.store.database import Database
from digestd.subscribers.files import LINE_MAX, Format, Line, read
from digestd.subscribers.importing import SubscriberImportReport, import_subscribers, rehearse_import
from digestd.subscribers.leaving import erase, pause, suppress, unsubscribe
from digestd.subscribers.notices import Post
from digestd.subscribers.record import KEYS, parse, subscriber_fields


@pytest.fixture
def post(keys: Keys) -> Post:
    return Post(keys, "example.org", "templates")


def jsonl(*records: object) -> Iterator[Line]:
    return read(io.BytesIO("".join(json.dumps(r) + "\n" for r in records).encode()), Format.JSONL)


def table(text: str) -> Iterator[Line]:
    return read(io.BytesIO(text.encode()), Format.CSV)


def counts(report: SubscriberImportReport) -> tuple[int, int, int, int]:
    return report.added, report.updated, report.unchanged, len(report.refused)


def by_address(db: Database) -> dict[str | None, Subscriber]:
    with db.read() as session:
        return {s.address: s for s in subscribers.stream(session)}


WHOLE = {
    "email": "ada@example.org",
    "name": "Ada",
    "topics": ["protein folding", "a; b"],
    "phrases": ["[MASK] tokens"],
    "authors": ["Žofia Nováková"],
    "categories": ["q-bio.BM"],
    "mute": {"topics": ["cars"], "phrases": ["annealing"], "authors": ["B"], "categories": ["cs.AR"]},
    "likes": ["2401.00001", "https://doi.org/10.1101/2024.01.01.5"],
    "dislikes": ["openreview:AbC"],
    "timezone": "Asia/Kathmandu",
    "hour": 23,
    "cadence": "weekly",
    "weekday": "sun",
    "size": 50,
    "bar": "high",
    "explore": False,
    "only_categories": True,
    "language": "pt-BR",
    "status": "paused",
}


def test_every_key_is_taken_in(db: Database, post: Post, now: datetime) -> None:
    assert set(WHOLE) == set(KEYS)
    assert counts(import_subscribers(db, post, jsonl(WHOLE), now)) == (1, 0, 0, 0)
    ada = by_address(db)["ada@example.org"]
    assert subscriber_fields(ada) == WHOLE | {"likes": ["arxiv:2401.00001", "doi:10.1101/2024.01.01.5"]}
    assert Interest(Kind.PAPER, "openreview:AbC", Wish.MUTED) in ada.interests


def test_an_address_alone_gets_the_defaults(db: Database, post: Post, now: datetime) -> None:
    import_subscribers(db, post, jsonl({"email": "Bo@EXAMPLE.org"}), now)
    bo = by_address(db)["Bo@example.org"]
    assert (bo.status, bo.timing.timezone, bo.timing.hour, bo.timing.cadence) == (
        Status.ACTIVE,
        "UTC",
        7,
        Cadence.DAILY,
    )
    assert (bo.size, bo.bar, bo.explore, bo.language, bo.name, bo.interests) == (10, Bar.NORMAL, True, "en", "", ())


def test_muted_words_alone_are_phrases(db: Database, post: Post, now: datetime) -> None:
    import_subscribers(db, post, jsonl({"email": "bo@example.org", "mute": ["cars"]}), now)
    assert by_address(db)["bo@example.org"].interests == (Interest(Kind.PHRASE, "cars", Wish.MUTED),)


def test_a_known_address_is_updated_and_what_is_not_said_stays(db: Database, post: Post, now: datetime) -> None:
    import_subscribers(db, post, jsonl(WHOLE | {"status": "active"}), now)
    report = import_subscribers(db, post, jsonl({"email": "ADA@example.org", "hour": 5, "topics": []}), now)
    assert counts(report) == (0, 1, 0, 0)
    ada = by_address(db)["ada@example.org"]
    assert (ada.timing.hour, ada.size, ada.version) == (5, 50, 1)
    assert [i.kind for i in ada.interests if i.wish is Wish.LIKED] == [
        Kind.PHRASE, Kind.AUTHOR, Kind.CATEGORY, Kind.PAPER, Kind.PAPER,
    ]  # fmt: skip


def test_the_same_file_again_changes_nothing(db: Database, post: Post, now: datetime) -> None:
    import_subscribers(db, post, jsonl(WHOLE, {"email": "bo@example.org", "status": "pending"}), now)
    before = by_address(db)
    again = import_subscribers(db, post, jsonl(WHOLE, {"email": "bo@example.org", "status": "pending"}), now)
    assert counts(again) == (0, 0, 2, 0)
    assert by_address(db) == before


def test_of_two_lines_for_one_address_the_later_counts(db: Database, post: Post, now: datetime) -> None:
    lines = [{"email": "bo@example.org"}, {"email": "bo@example.org"}, {"email": "BO@example.org", "hour": 8}]
    assert counts(import_subscribers(db, post, jsonl(*lines), now)) == (1, 1, 1, 0)
    assert by_address(db)["bo@example.org"].timing.hour == 8


def test_pending_ones_are_asked_to_confirm(db: Database, post: Post, now: datetime) -> None:
    pending = {"email": "bo@example.org", "status": "pending"}
    import_subscribers(db, post, jsonl(pending), now)
    import_subscribers(db, post, jsonl(pending), now)
    with db.read() as session:
        assert session.connection().execute(select(func.count()).select_from(core.delivery)).scalar() == 1
    import_subscribers(db, post, jsonl({"email": "bo@example.org", "status": "active"}), now)
    assert by_address(db)["bo@example.org"].status is Status.ACTIVE


def test_nobody_who_left_is_brought_back(db: Database, post: Post, keys: Keys, now: datetime) -> None:
    names = ["left", "paused", "bounced", "erased"]
    people = [{"email": f"{name}@example.org"} for name in names]
    import_subscribers(db, post, jsonl(*people), now)
    known = by_address(db)
    unsubscribe(db, known["left@example.org"].key, Cause.ONE_CLICK, now)
    pause(db, known["paused@example.org"].key, Cause.CLI, now)
    suppress(db, keys, "bounced@example.org", SuppressionReason.HARD_BOUNCE, now)
    suppress(db, keys, "never-here@example.org", SuppressionReason.REQUEST, now)
    erase(db, keys, "erased@example.org", now)
    before = by_address(db)
    for status in ("active", "pending"):
        wanted = [p | {"status": status} for p in [*people, {"email": "never-here@example.org"}]]
        report = import_subscribers(db, post, jsonl(*wanted), now)
        assert (report.unchanged, report.left_alone) == (5, 4)
    assert by_address(db) == before


def test_those_who_left_elsewhere_leave_here(db: Database, post: Post, keys: Keys, now: datetime) -> None:
    import_subscribers(db, post, jsonl({"email": "a@example.org"}, {"email": "b@example.org"}), now)
    gone = [
        {"email": "a@example.org", "status": "unsubscribed"},
        {"email": "b@example.org", "status": "suppressed"},
        {"email": "c@example.org", "status": "suppressed"},
    ]
    assert counts(import_subscribers(db, post, jsonl(*gone), now)) == (1, 2, 0, 0)
    assert [s.status.value for s in by_address(db).values()] == ["unsubscribed", "suppressed", "suppressed"]
    with db.read() as session:
        rows = session.connection().execute(select(core.suppression.c.address_key)).scalars()
        assert {bytes(key) for key in rows} == {address_key(keys, f"{name}@example.org") for name in "bc"}


def test_good_lines_go_in_and_bad_ones_are_told(db: Database, post: Post, now: datetime) -> None:
    file = io.BytesIO(
        b'\xef\xbb\xbf{"email": "a@example.org"}\n\n[1]\n{"email": "b@example.org", "topcis": []}\n'
        b'{"email": "\xff"}\n{"email"\n{"email": "c@example.org"}'
    )
    report = import_subscribers(db, post, read(file, Format.JSONL), now)
    assert set(by_address(db)) == {"a@example.org", "c@example.org"}
    assert [(r.line, r.field) for r in report.refused] == [(3, "line"), (4, "topcis"), (5, "line"), (6, "line")]


def test_strict_takes_all_or_nothing(db: Database, post: Post, now: datetime) -> None:
    many = [{"email": f"s{n}@example.org"} for n in range(600)]
    report = import_subscribers(db, post, jsonl(*many, {"email": "no"}), now, strict=True)
    assert counts(report) == (0, 0, 0, 1)
    assert by_address(db) == {}
    assert counts(import_subscribers(db, post, jsonl(*many), now, strict=True)) == (600, 0, 0, 0)


BAD = [
    ({"email": "no"}, "email", "address"),
    ({"email": None}, "email", "required"),
    ({"email": ["a@example.org"]}, "email", "required"),
    ({}, "email", "required"),
    ({"timezone": "Mars/Olympus"}, "timezone", "invalid time zone"),
    ({"timezone": "../etc/passwd"}, "timezone", "invalid time zone"),
    ({"hour": 24}, "hour", "0 to 23"),
    ({"hour": "7"}, "hour", "0 to 23"),
    ({"hour": True}, "hour", "0 to 23"),
    ({"hour": 7.5}, "hour", "0 to 23"),
    ({"size": 0}, "size", "1 to 50"),
    ({"size": 51}, "size", "1 to 50"),
    ({"bar": 0.2}, "bar", "low, normal, high"),
    ({"explore": "no"}, "explore", "true or false"),
    ({"cadence": "hourly"}, "cadence", "daily, weekdays, weekly"),
    ({"weekday": "monday"}, "weekday", "mon, tue"),
    ({"language": "klingon"}, "language", "no language"),
    ({"status": "erased"}, "status", "active"),
    ({"name": "x" * 201}, "name", "200"),
    ({"name": "a\u0000b"}, "name", "control"),
    ({"name": "\ud800"}, "name", "UTF-8"),
    ({"topics": "folding"}, "topics", "list"),
    ({"topics": [1]}, "topics", "text"),
    ({"topics": ["x" * 301]}, "topics", "300"),
    ({"topics": [f"t{n}" for n in range(51)]}, "topics", "at most 50"),
    ({"likes": ["not an id"]}, "likes", "arXiv id"),
    ({"mute": {"likes": []}}, "mute", "there is no such key"),
    ({"mute": 3}, "mute", "list"),
    ({"topics": ["Cars"], "mute": {"topics": ["cars"]}}, "mute", "at once"),
    ({"\ud800\n": 1}, "\\ud800\\n", "no such key"),
]  # fmt: skip


@pytest.mark.parametrize(("said", "field", "remedy"), BAD)
def test_what_is_wrong_is_named_with_the_remedy(said: dict[str, object], field: str, remedy: str) -> None:
    with pytest.raises(BadRecord, match=remedy) as refused:
        parse(({"email": "a@example.org"} if said else {}) | said)
    assert refused.value.field == field
    assert "\n" not in str(refused.value)
    str(refused.value).encode()


def test_in_csv_lists_are_separated_by_semicolons(db: Database, post: Post, now: datetime) -> None:
    text = (
        "email,topics,mute,likes,hour,name\r\n"
        'a@example.org,"protein folding; soft, robots;",cars;bikes,2401.00001,07,"A ""B"""\r\n'
        'b@example.org,[MASK] tokens;x,"{""topics"": [""a;b""]}",,,\r\n'
    )
    assert counts(import_subscribers(db, post, table(text), now)) == (2, 0, 0, 0)
    a, b = by_address(db).values()
    assert [i.value for i in a.interests] == ["protein folding", "soft, robots", "arxiv:2401.00001", "cars", "bikes"]
    assert (a.timing.hour, a.name, b.timing.hour) == (7, 'A "B"', 7)
    assert [(i.kind, i.value) for i in b.interests] == [
        (Kind.TOPIC, "[MASK] tokens"), (Kind.TOPIC, "x"), (Kind.TOPIC, "a;b"),
    ]  # fmt: skip


def test_bad_csv_lines_are_told_by_the_line_they_start_on() -> None:
    lines = list(table('email,name\na@example.org,"two\nlines"\nb@example.org\nc@example.org,C\n'))
    assert [line.number for line in lines] == [2, 4, 5]
    assert isinstance(lines[1].said, BadRecord)


@pytest.mark.parametrize(
    ("content", "form", "said"),
    [
        (b"", Format.JSONL, "empty"),
        (b"", Format.CSV, "empty"),
        (b"PK\x03\x04\x00\x00", Format.JSONL, "not text"),
        (b"email,shoe size\n", Format.CSV, "'shoe size'"),
        (b"name\nAda\n", Format.CSV, "email"),
        (b"email,email\n", Format.CSV, "each once"),
    ],
)
def test_what_is_no_such_file_is_refused_whole(content: bytes, form: Format, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        list(read(io.BytesIO(content), form))


def test_a_line_without_end_is_refused_not_read_whole() -> None:
    file = io.BytesIO(b"x" * (3 * LINE_MAX) + b"\n" + b'{"email": "a@example.org"}')
    first, second = read(file, Format.JSONL)
    assert isinstance(first.said, BadRecord)
    assert (second.number, second.said) == (2, {"email": "a@example.org"})


def test_a_rehearsal_tells_the_same_as_the_import_and_changes_nothing(db: Database, post: Post, now: datetime) -> None:
    import_subscribers(db, post, jsonl({"email": "ada@example.org", "hour": 7}), now)
    said = ({"email": "ada@example.org", "hour": 8}, {"email": "bo@example.org", "status": "pending"}, {"email": "no"})
    before = by_address(db)
    told = rehearse_import(db, post, jsonl(*said), now)
    assert by_address(db) == before
    with db.read() as session:
        assert session.connection().execute(select(func.count()).select_from(core.delivery)).scalar_one() == 0
    assert counts(told) == counts(import_subscribers(db, post, jsonl(*said), now)) == (1, 1, 0, 1)


@pytest.mark.parametrize("header", ["Email,Name", " EMAIL , name", "email,NAME"])
def test_a_column_may_be_written_in_large_letters(header: str) -> None:
    (line,) = read(io.BytesIO(f"{header}\nada@example.org,Ada\n".encode()), Format.CSV)
    assert line.said == {"email": "ada@example.org", "name": "Ada"}


@pytest.mark.parametrize("between", [";", "\t", "|"])
def test_a_file_with_other_separators_is_refused_with_the_remedy(between: str) -> None:
    with pytest.raises(BadInput, match="columns are not separated by commas"):
        list(read(io.BytesIO(f"email{between}name\n".encode()), Format.CSV))
