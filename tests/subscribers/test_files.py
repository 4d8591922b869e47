"""Import and export.

Good lines are imported, bad ones reported, and nobody is reactivated.
"""

import io
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from digestd.domain.delivery import SuppressionReason
from digestd.domain.interest import Interest, Kind, Stance
from digestd.domain.subscriber import Cause, Preferences, Status, Subscriber
from digestd.errors import BadInput, BadRecord, RejectedLine
from digestd.security.addresses import address_key
from digestd.security.keys import Keys
from digestd.store import core, subscribers
from digestd.store.database import Database
from digestd.subscribers.files import LINE_MAX, FileFormat, FileLine, read_lines, rejects_file
from digestd.subscribers.importing import ImportOptions, SubscriberImportReport, import_subscribers
from digestd.subscribers.notices import NoticeContext
from digestd.subscribers.personal_data import erase
from digestd.subscribers.status_changes import pause, unsubscribe
from digestd.subscribers.subscriber_record import BOOLEANS, KEYS, parse, subscriber_fields
from digestd.subscribers.suppression import suppress


@pytest.fixture
def post(keys: Keys) -> NoticeContext:
    return NoticeContext(keys, "example.org")


def jsonl(*records: object) -> Iterator[FileLine]:
    return read_lines(io.BytesIO("".join(json.dumps(r) + "\n" for r in records).encode()), FileFormat.JSONL)


def table(text: str) -> Iterator[FileLine]:
    return read_lines(io.BytesIO(text.encode()), FileFormat.CSV)


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
    "institutions": ["Pond Institute"],
    "venues": ["Nature"],
    "mute": {
        **{"topics": ["cars"], "phrases": ["annealing"], "authors": ["B"]},
        **{"categories": ["cs.AR"], "institutions": ["Lake Office"], "venues": ["Lakes; and Seas"]},
    },
    "likes": ["2401.00001", "https://doi.org/10.1101/2024.01.01.5"],
    "dislikes": ["openreview:AbC"],
    "timezone": "Asia/Kathmandu",
    "hour": 23,
    "cadence": "weekly",
    "weekday": "sun",
    "size": 50,
    "min_score": "high",
    **{name: not Preferences.model_fields[name].default for name in BOOLEANS},
    "language": "pt-BR",
    "status": "paused",
}


def test_import_reads_every_key(db: Database, post: NoticeContext, now: datetime) -> None:
    assert set(WHOLE) == set(KEYS)
    assert counts(import_subscribers(db, post, jsonl(WHOLE), now)) == (1, 0, 0, 0)
    ada = by_address(db)["ada@example.org"]
    assert subscriber_fields(ada) == WHOLE | {"likes": ["arxiv:2401.00001", "doi:10.1101/2024.01.01.5"]}
    assert Interest(Kind.PAPER, "openreview:AbC", Stance.MUTED) in ada.interests


def test_import_applies_defaults(db: Database, post: NoticeContext, now: datetime) -> None:
    import_subscribers(db, post, jsonl({"email": "Bo@EXAMPLE.org"}), now)
    bo = by_address(db)["Bo@example.org"]
    assert bo.status is Status.ACTIVE
    assert (bo.preferences, bo.interests) == (Preferences(), ())


def test_import_reads_a_plain_mute_list_as_phrases(db: Database, post: NoticeContext, now: datetime) -> None:
    import_subscribers(db, post, jsonl({"email": "bo@example.org", "mute": ["cars"]}), now)
    assert by_address(db)["bo@example.org"].interests == (Interest(Kind.PHRASE, "cars", Stance.MUTED),)


def test_import_updates_given_fields_only(db: Database, post: NoticeContext, now: datetime) -> None:
    import_subscribers(db, post, jsonl(WHOLE | {"status": "active"}), now)
    report = import_subscribers(db, post, jsonl({"email": "ADA@example.org", "hour": 5, "topics": []}), now)
    assert counts(report) == (0, 1, 0, 0)
    ada = by_address(db)["ada@example.org"]
    assert (ada.timing.hour, ada.preferences.size, ada.version) == (5, 50, 1)
    assert [i.kind for i in ada.interests if i.stance is Stance.LIKED] == [
        Kind.PHRASE, Kind.AUTHOR, Kind.CATEGORY, Kind.INSTITUTION, Kind.VENUE, Kind.PAPER, Kind.PAPER,
    ]  # fmt: skip


def test_import_is_idempotent(db: Database, post: NoticeContext, now: datetime) -> None:
    import_subscribers(db, post, jsonl(WHOLE, {"email": "bo@example.org", "status": "pending"}), now)
    before = by_address(db)
    again = import_subscribers(db, post, jsonl(WHOLE, {"email": "bo@example.org", "status": "pending"}), now)
    assert counts(again) == (0, 0, 2, 0)
    assert by_address(db) == before


def test_import_refuses_a_second_line_for_an_address(db: Database, post: NoticeContext, now: datetime) -> None:
    others = [{"email": f"reader{number}@example.org"} for number in range(600)]  # more than a block
    lines = [{"email": "bo@example.org", "hour": 8}, *others, {"email": "BO@example.org", "hour": 9}]
    done = import_subscribers(db, post, jsonl(*lines), now)
    assert list(done.refused) == [RejectedLine(602, "email", "line 1 has the same address; keep one of the two lines")]
    assert (done.added, by_address(db)["bo@example.org"].timing.hour) == (601, 8)


def test_import_sends_confirmations_to_pending(db: Database, post: NoticeContext, now: datetime) -> None:
    pending = {"email": "bo@example.org", "status": "pending"}
    import_subscribers(db, post, jsonl(pending), now)
    import_subscribers(db, post, jsonl(pending), now)
    with db.read() as session:
        assert session.connection().execute(select(func.count()).select_from(core.delivery)).scalar() == 1
    import_subscribers(db, post, jsonl({"email": "bo@example.org", "status": "active"}), now)
    assert by_address(db)["bo@example.org"].status is Status.ACTIVE


def test_import_reactivates_nobody(db: Database, post: NoticeContext, keys: Keys, now: datetime) -> None:
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


def test_import_applies_unsubscribed_and_suppressed(
    db: Database, post: NoticeContext, keys: Keys, now: datetime
) -> None:
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


def test_import_takes_good_lines_and_reports_bad_ones(db: Database, post: NoticeContext, now: datetime) -> None:
    file = io.BytesIO(
        b'\xef\xbb\xbf{"email": "a@example.org"}\n\n[1]\n{"email": "b@example.org", "topcis": []}\n'
        b'{"email": "\xff"}\n{"email"\n{"email": "c@example.org"}'
    )
    report = import_subscribers(db, post, read_lines(file, FileFormat.JSONL), now)
    assert set(by_address(db)) == {"a@example.org", "c@example.org"}
    assert [(r.line, r.field) for r in report.refused] == [(3, "line"), (4, "topcis"), (5, "line"), (6, "line")]


def test_import_strict_takes_all_or_nothing(db: Database, post: NoticeContext, now: datetime) -> None:
    many = [{"email": f"s{n}@example.org"} for n in range(600)]
    report = import_subscribers(db, post, jsonl(*many, {"email": "no"}), now, ImportOptions(strict=True))
    assert counts(report) == (0, 0, 0, 1)
    assert by_address(db) == {}
    assert counts(import_subscribers(db, post, jsonl(*many), now, ImportOptions(strict=True))) == (600, 0, 0, 0)


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
    ({"min_score": 0.2}, "min_score", "low, normal, high"),
    ({"when_empty": "no"}, "when_empty", "true or false"),
    ({"cadence": "hourly"}, "cadence", "daily, weekdays, weekly"),
    ({"weekday": "monday"}, "weekday", "mon, tue"),
    ({"language": "klingon"}, "language", "not a language"),
    ({"status": "erased"}, "status", "active"),
    ({"name": "x" * 201}, "name", "200"),
    ({"name": "\u0000\ud800"}, "name", "visible"),
    ({"topics": ["ice", "\ue001"]}, "topics", "visible"),
    ({"topics": "folding"}, "topics", "list"),
    ({"topics": [1]}, "topics", "text"),
    ({"topics": ["x" * 1001]}, "topics", "1,000"),
    ({"topics": ["灯" * 900]}, "topics", "2,500 bytes"),
    ({"phrases": ["x" * 301]}, "phrases", "300"),
    ({"topics": [f"t{n}" for n in range(51)]}, "topics", "at most 50"),
    ({"likes": ["not an id"]}, "likes", "arXiv id"),
    ({"mute": {"likes": []}}, "mute", "there is no such key"),
    ({"mute": 3}, "mute", "list"),
    ({"topics": ["Cars"], "mute": {"topics": ["cars"]}}, "mute", "at once"),
    ({"\ud800\n": 1}, "\\ud800\\n", "no such key"),
]  # fmt: skip


@pytest.mark.parametrize(("said", "field", "remedy"), BAD)
def test_import_errors_name_field_and_remedy(said: dict[str, object], field: str, remedy: str) -> None:
    with pytest.raises(BadRecord, match=remedy) as refused:
        parse(({"email": "a@example.org"} if said else {}) | said)
    assert refused.value.field == field
    assert "\n" not in str(refused.value)
    str(refused.value).encode()


def test_csv_lists_are_separated_by_semicolons(db: Database, post: NoticeContext, now: datetime) -> None:
    text = (
        "email,topics,mute,likes,hour,name\r\n"
        'a@example.org,"protein folding; soft, robots;",cars;bikes,2401.00001,07,"A ""B"""\r\n'
        'b@example.org,[MASK] tokens;x,"{""topics"": [""a;b""]}",,,\r\n'
    )
    assert counts(import_subscribers(db, post, table(text), now)) == (2, 0, 0, 0)
    a, b = by_address(db).values()
    assert [i.value for i in a.interests] == ["protein folding", "soft, robots", "arxiv:2401.00001", "cars", "bikes"]
    assert (a.timing.hour, a.preferences.name, b.timing.hour) == (7, 'A "B"', 7)
    assert [(i.kind, i.value) for i in b.interests] == [
        (Kind.TOPIC, "[MASK] tokens"), (Kind.TOPIC, "x"), (Kind.TOPIC, "a;b"),
    ]  # fmt: skip


def test_csv_errors_give_the_first_line_of_a_record() -> None:
    lines = list(table('email,name\na@example.org,"two\nlines"\nb@example.org\nc@example.org,C\nd@example.org,D,E\n'))
    assert [line.number for line in lines] == [2, 4, 5, 6]
    assert [isinstance(line.fields, BadRecord) for line in lines] == [False, True, False, True]


@pytest.mark.parametrize(
    ("content", "form", "said"),
    [
        (b"", FileFormat.JSONL, "empty"),
        (b"", FileFormat.CSV, "empty"),
        (b"PK\x03\x04\x00\x00", FileFormat.JSONL, "not text"),
        (b"email,shoe size\n", FileFormat.CSV, "'shoe size'"),
        (b"name\nAda\n", FileFormat.CSV, "email"),
        (b"email,email\n", FileFormat.CSV, "each once"),
    ],
)
def test_import_rejects_files_of_another_kind(content: bytes, form: FileFormat, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        list(read_lines(io.BytesIO(content), form))


def test_import_rejects_an_endless_line() -> None:
    file = io.BytesIO(b"x" * (3 * LINE_MAX) + b"\n" + b'{"email": "a@example.org"}')
    first, second = read_lines(file, FileFormat.JSONL)
    assert isinstance(first.fields, BadRecord)
    assert (second.number, second.fields) == (2, {"email": "a@example.org"})


def test_dry_run_reports_the_same_and_changes_nothing(db: Database, post: NoticeContext, now: datetime) -> None:
    import_subscribers(db, post, jsonl({"email": "ada@example.org", "hour": 7}), now)
    said = ({"email": "ada@example.org", "hour": 8}, {"email": "bo@example.org", "status": "pending"}, {"email": "no"})
    before = by_address(db)
    told = import_subscribers(db, post, jsonl(*said), now, ImportOptions(dry_run=True))
    assert by_address(db) == before
    with db.read() as session:
        assert session.connection().execute(select(func.count()).select_from(core.delivery)).scalar_one() == 0
    assert counts(told) == counts(import_subscribers(db, post, jsonl(*said), now)) == (1, 1, 0, 1)


@pytest.mark.parametrize("header", ["Email,Name", " EMAIL , name", "email,NAME"])
def test_csv_columns_ignore_case(header: str) -> None:
    (line,) = read_lines(io.BytesIO(f"{header}\nada@example.org,Ada\n".encode()), FileFormat.CSV)
    assert line.fields == {"email": "ada@example.org", "name": "Ada"}


_PEOPLE = "email{0}name{0}topics\nada@example.org{0}Ada{0}{1}\nbo@example.org{0}Bo{0}\n"
_READ = [
    (2, {"email": "ada@example.org", "name": "Ada", "topics": ["graphs", "proofs"]}),
    (3, {"email": "bo@example.org", "name": "Bo", "topics": []}),
]


def _read(content: bytes) -> list[tuple[int, object]]:
    return [(line.number, line.fields) for line in read_lines(io.BytesIO(content))]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("between", "topics"), [(",", "graphs;proofs"), (";", '"graphs;proofs"'), ("\t", "graphs;proofs")]
)
def test_csv_is_read_as_spreadsheets_write_it(encoding: str, ends: str, between: str, topics: str) -> None:
    assert _read(_PEOPLE.format(between, topics).replace("\n", ends).encode(encoding)) == _READ


def test_csv_ignores_empty_columns_and_lines_and_the_hint_for_excel() -> None:
    text = "sep=;\r\nEmail;name;;\r\nada@example.org;Ada;;\r\n;;;\r\nbo@example.org;Bo;;\r\n"
    assert _read(text.encode()) == [
        (3, {"email": "ada@example.org", "name": "Ada"}),
        (5, {"email": "bo@example.org", "name": "Bo"}),
    ]


def test_bare_addresses_are_a_list() -> None:
    assert _read(b"ada@example.org\n\nbo@example.org\n") == [
        (1, {"email": "ada@example.org"}),
        (3, {"email": "bo@example.org"}),
    ]


def test_utf16_in_many_blocks_reads_like_utf8() -> None:
    text = "email\tname\n" + "".join(f"user{n}@example.org\tZoë {n} 🜁\n" for n in range(9_000))
    assert _read(text.encode("utf-16")) == _read(text.encode())


def test_csv_in_another_encoding_is_refused(db: Database, post: NoticeContext, now: datetime) -> None:
    text = "email;name;topics\nada@example.org;Müller;König\nbo@example.org;Bo;ice\n"
    report = import_subscribers(db, post, read_lines(io.BytesIO(text.encode("cp1252"))), now)
    assert counts(report) == (1, 0, 0, 1)
    [line] = report.refused
    assert (line.line, line.message) == (2, "is not UTF-8; save the file as UTF-8, which Excel calls 'CSV UTF-8'")
    with pytest.raises(BadInput, match="the first line is not UTF-8; save"):
        read_lines(io.BytesIO("email;Catégories\n".encode("cp1252")))
    damaged = "email\tname\nada@example.org\tA\n".encode("utf-16").replace(b"A\0", b"\x00\xd8")
    assert [type(line.fields) for line in read_lines(io.BytesIO(damaged))] == [BadRecord]


@pytest.mark.parametrize(
    "header",
    [
        *("E-Mail;Name;Topics", "E-Mail-Adresse;NAME;Themen", "Adresse électronique;Nom;SUJETS", "Correo;nombre;Temas"),
        *(
            "e_mail;Nome;Tópicos",
            "メールアドレス;氏名;トピック",
            "电子邮箱;姓名;主题",
            " EMAIL Address;Full name;topic",
        ),
    ],
)
def test_csv_columns_have_usual_names(header: str) -> None:
    [line] = read_lines(io.BytesIO(f"{header};Only categories\nada@example.org;Ada;ice;true\n".encode()))
    assert line.fields == {"email": "ada@example.org", "name": "Ada", "topics": ["ice"], "only_categories": True}


def test_csv_with_line_ends_of_old_macs_is_refused() -> None:
    with pytest.raises(BadInput, match="the first line is not CSV"):
        read_lines(io.BytesIO(b"email,name\rada@example.org,Ada\r"), FileFormat.CSV)


def test_list_in_a_cell_may_have_lines() -> None:
    [line] = table('email,topics\nada@example.org,"ice\r\nsnow; frost"\n')
    assert line.fields == {"email": "ada@example.org", "topics": ["ice", "snow", " frost"]}


@pytest.mark.parametrize(
    ("content", "corrections"),
    [
        (
            'Themen;E-Mail;Name;hour\n"ice;snow";ada@example.org;=Ädä;7\nfrost;bo;Zoë;8\n;;"two\nlines";9\nx;y\n',
            {"'bo'": "", "bo": "bo@example.org", ',,,"two': ',,cy@example.org,"two', "x,y": "x,d@e.org,,8"},
        ),
        (
            '{"email": "ada@example.org", "name": "Ädä"}\n{"email": "bo", "name": "Zoë"}\n[1]\n{"email": "\\ud800"}\n',
            {'"bo"': '"bo@example.org"', '"line": "[1]"': '"email": "cy@example.org"', '"\\ud800"': '"d@e.org"'},
        ),
        ("ada@example.org\nbo\n", {"bo": "bo@example.org"}),
    ],
)
def test_rejected_lines_can_be_corrected_and_imported(
    content: str, corrections: dict[str, str], db: Database, post: NoticeContext, now: datetime, tmp_path: Path
) -> None:
    rejects, again = tmp_path / "rejects", tmp_path / "again"
    with rejects_file(rejects) as refuse:
        report = import_subscribers(
            db, post, read_lines(io.BytesIO(content.encode())), now, ImportOptions(refuse=refuse)
        )
    refused = len(report.refused)
    assert (report.added, refused > 0, rejects.stat().st_mode & 0o777) == (1, True, 0o600)
    text = rejects.read_text(encoding="utf-8-sig")
    assert "line 3: email: invalid address 'bo'" in text or "line 2: email: invalid address 'bo'" in text
    with rejects_file(again) as refuse, rejects.open("rb") as file:
        report = import_subscribers(db, post, read_lines(file), now, ImportOptions(refuse=refuse))
    assert (report.added, len(report.refused)) == (0, refused)
    assert len(list(read_lines(io.BytesIO(again.read_bytes())))) == refused
    for wrong, right in corrections.items():
        text = text.replace(wrong, right)
    with rejects_file(tmp_path / "none") as refuse:
        report = import_subscribers(db, post, read_lines(io.BytesIO(text.encode())), now, ImportOptions(refuse=refuse))
    assert (report.added, list(report.refused), (tmp_path / "none").exists()) == (refused, [], False)


def test_rejects_replace_no_file(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("email\n")
    with pytest.raises(BadInput, match=r"people\.csv is there already"), rejects_file(tmp_path / "people.csv"):
        pass
    assert (tmp_path / "people.csv").read_text() == "email\n"
