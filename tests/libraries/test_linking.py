"""A library is linked by a key that opens it, which nobody finds in a file; ORCID works by its iD."""

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import update

from digestd.domain.library import Keeper, Standing
from digestd.errors import BadRecord, NotFound, SourceFailed
from digestd.security.links import Keys, Retired
from digestd.sources.libraries import LIBRARY_ID_PARSERS
from digestd.store import core
from digestd.subscribers import library_sync
from digestd.subscribers.belongings import as_json, everything
from digestd.subscribers.leaving import erase
from digestd.subscribers.libraries import MOST, unlink
from tests.libraries.conftest import ADA, LAKES, PONDS, Desk, lakes
from tests.libraries.keepers import CARBERRY, KEY, orcid_answer
from tests.papers.site import says


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """SQLite alone: files are looked into, and what is linked does not depend on the engine."""
    return sqlite_url


@pytest.mark.parametrize(
    ("written", "place"),
    [
        ("", "users/12"),
        ("12", "users/12"),
        ("users/12", "users/12"),
        ("34", "groups/34"),
        ("groups/34", "groups/34"),
        ("https://www.zotero.org/groups/34/lakes/library", "groups/34"),
        ("https://api.zotero.org/groups/0034?x", "groups/34"),
    ],
)
async def test_a_library_is_named_as_people_name_it(desk: Desk, written: str, place: str) -> None:
    assert (await desk.link(written)).place == place


@pytest.mark.parametrize(
    ("written", "key", "field", "said"),
    [
        ("users/13", KEY, "place", "of another user"),
        ("lakes", KEY, "place", "like groups/12345"),
        ("https://evil.example.org/groups/34", KEY, "place", "like groups/12345"),
        ("groups/34/../../keys", "wrong", "key", "does not know this key"),
        ("", "two words", "key", "one word"),
        ("", "", "key", "one word"),
        ("", "line\r\nX-Header: 1", "key", "one word"),
        ("", "x" * 101, "key", "one word"),
    ],
)
async def test_what_will_not_do_is_refused_with_the_remedy_and_the_key_is_not_repeated(
    desk: Desk, written: str, key: str, field: str, said: str
) -> None:
    with pytest.raises(BadRecord, match=said) as caught:
        await desk.link(written, key)
    assert caught.value.field == field
    assert not key or len(key) < 6 or key not in str(caught.value)
    assert desk.libraries == []


async def test_a_key_that_may_write_is_taken_and_said_to_be_more_than_is_needed(desk: Desk) -> None:
    assert not (await desk.link()).may_write
    desk.zotero.may_write = True
    assert (await desk.link()).may_write
    assert len(desk.libraries) == 1


async def test_where_zotero_does_not_answer_nothing_is_linked(desk: Desk) -> None:
    for answer in (says(b"", 500), says(b"[]"), says(b'{"userID": 12, "access": []}'), says(b'{"access": {}}')):
        desk.zotero.first = [answer]
        with pytest.raises(SourceFailed):
            await desk.link()
    assert desk.libraries == []


async def test_so_many_libraries_may_be_linked(desk: Desk) -> None:
    for n in range(MOST):
        await desk.link(f"groups/{n}")
    with pytest.raises(BadRecord, match="unlink one"):
        await desk.link()
    await desk.link("groups/0")
    assert len(desk.libraries) == MOST


async def test_unlinking_forgets_the_key_and_keeps_or_drops_the_papers(desk: Desk) -> None:
    lakes(desk)
    library = await desk.link()
    await desk.sync()
    with pytest.raises(NotFound):
        unlink(desk.by.db, desk.ada, library.key + 1, desk.now, keep=False)
    unlink(desk.by.db, desk.ada, library.key, desk.now, keep=True)
    assert (desk.libraries, desk.likes) == ([], {LAKES, PONDS})
    desk.want(PONDS)
    library = await desk.link()
    await desk.sync()
    assert desk.likes == {LAKES, PONDS}
    unlink(desk.by.db, desk.ada, library.key, desk.now, keep=False)
    assert desk.likes == {PONDS}, "this one is her own by now"


async def test_what_two_libraries_hold_counts_until_neither_does(desk: Desk) -> None:
    lakes(desk)
    first, second = await desk.link(), await desk.link("groups/34")
    assert await desk.sync() == 2
    unlink(desk.by.db, desk.ada, first.key, desk.now, keep=False)
    assert desk.likes == {LAKES, PONDS}
    unlink(desk.by.db, desk.ada, second.key, desk.now, keep=False)
    assert desk.likes == set()


async def test_orcid_works_are_liked_by_the_id_and_follow_its_record(desk: Desk) -> None:
    library_sync.link_orcid(desk.by, desk.ada, f"https://orcid.org/{CARBERRY}")
    at = f"/v3.0/{CARBERRY}/works"
    desk.site.paths[at] = orcid_answer((1, "Lakes", "10.48550/arXiv.2611.00001"), (2, "Ponds", "10.5555/ponds"))
    await desk.sync()
    assert desk.likes == {LAKES, PONDS}
    assert "zotero-api-key" not in desk.site.asked[-1].headers
    desk.site.paths[at] = orcid_answer((2, "Ponds", "10.5555/ponds"))
    await desk.sync(hours=25)
    assert desk.likes == {PONDS}
    desk.site.paths[at] = says(b'{"group": []}')
    await desk.sync(hours=25)
    assert desk.likes == set()
    desk.site.paths[at] = says(b"", 404)
    await desk.sync(hours=25)
    assert desk.libraries[0].standing is Standing.GONE


@pytest.mark.parametrize(
    "written", ["0000-0002-1825-0098", "0000-0002-1825-009", "1825", "", "x" * 500, "0000-0002-1694-233x1"]
)
def test_an_id_that_does_not_prove_itself_is_refused(written: str) -> None:
    with pytest.raises(BadRecord, match="copy it again"):
        LIBRARY_ID_PARSERS[Keeper.ORCID](written)


def test_an_id_may_end_in_x_and_be_written_without_dashes() -> None:
    assert LIBRARY_ID_PARSERS[Keeper.ORCID]("000000021694233x") == "0000-0002-1694-233X"


async def test_the_key_is_in_no_file_log_or_export_and_gone_after_erasure(
    desk: Desk, tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    lakes(desk)
    library = await desk.link()
    await desk.sync()
    desk.zotero.key = "another"
    await desk.sync(hours=25)
    assert library.sealed
    with desk.by.db.read() as session:
        kept = as_json(everything(session, desk.subscriber, desk.now))
    assert '"sealed": "a key, which is not shown"' in kept
    assert "LAKES000" in kept
    shown = capfd.readouterr()
    told = "".join([kept, shown.out, shown.err, caplog.text, repr(desk.libraries), repr(desk.by)])
    assert KEY not in told
    assert library.sealed.hex() not in told
    found = [file for file in tmp_path.rglob("*") if file.is_file() and library.sealed in file.read_bytes()]
    assert found, "what is looked for can be found: the sealed key is in the database or its log"
    assert not [file for file in tmp_path.rglob("*") if file.is_file() and KEY.encode() in file.read_bytes()]
    erase(desk.by.db, desk.by.keys, ADA, desk.now)
    assert not [file for file in tmp_path.rglob("*") if file.is_file() and library.sealed in file.read_bytes()]


async def test_a_stolen_file_gives_nothing_and_a_moved_row_does_not_open(desk: Desk) -> None:
    lakes(desk)
    await desk.link()
    stranger = replace(desk.by, keys=Keys(b"another secret, also of 32 bytes"))
    assert await library_sync.sync_due(stranger) == 1
    assert desk.libraries[0].standing is Standing.REFUSED
    assert "cannot be opened" in desk.libraries[0].why
    await desk.link()
    with desk.by.db.write() as session:
        change = update(core.library).values(place="groups/34")
        session.connection().execute(change)
    await desk.sync()
    assert desk.libraries[0].standing is Standing.REFUSED, "of another library"
    assert len(desk.zotero.asked) == 2, "the key went nowhere but to say what it may do"


async def test_a_rotated_secret_opens_the_key_and_seals_it_anew(desk: Desk) -> None:
    lakes(desk)
    before = await desk.link()
    rotated = Keys(b"the new secret in use, 32 bytes!", (Retired(desk.by.keys.secret, desk.by.clock()),))
    desk.by = replace(desk.by, keys=rotated)
    await desk.sync()
    (after,) = desk.libraries
    assert desk.likes == {LAKES, PONDS}
    assert after.sealed is not None
    assert (before.sealed or b"")[:1] != after.sealed[:1] == rotated.id
    assert await desk.sync(hours=25) == 1
    assert desk.libraries[0].standing is Standing.LINKED
