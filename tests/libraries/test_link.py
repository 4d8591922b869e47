"""Link libraries by a Zotero key.

The key is never stored in plain text.
"""

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import update

from digestd.domain.library import LibraryState
from digestd.errors import BadRecord, NotFound, SourceFailed
from digestd.security.keys import Keys, RetiredSecret
from digestd.store import core
from digestd.subscribers import libraries as library_sync
from digestd.subscribers.libraries import LIBRARIES_MAX, unlink
from digestd.subscribers.personal_data import collect_data, erase, to_json
from tests.libraries.conftest import ADA, LAKES, PONDS, SyncSetup, lakes
from tests.libraries.library_servers import KEY, former_orcid
from tests.papers.http_server import says


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Use SQLite only. The tests search its files, and linking does not depend on the engine."""
    return sqlite_url


@pytest.mark.parametrize(
    ("written", "place"),
    [
        ("", "users/12"),
        ("users/12", "users/12"),
        ("34", "groups/34"),
        ("https://www.zotero.org/groups/34/lakes/library", "groups/34"),
        ("https://api.zotero.org/groups/0034?x", "groups/34"),
    ],
)
async def test_link_zotero_accepts_usual_library_names(setup: SyncSetup, written: str, place: str) -> None:
    assert (await setup.link(written)).place == place


@pytest.mark.parametrize(
    ("written", "key", "field", "said"),
    [
        ("users/13", KEY, "place", "belongs to another user"),
        ("https://evil.example.org/groups/34", KEY, "place", "like groups/12345"),
        ("groups/34/../../keys", "wrong", "key", "does not know this key"),
        ("", "", "key", "only letters and digits"),
        ("", "line\r\nX-Header: 1", "key", "only letters and digits"),
        ("", "x" * 101, "key", "only letters and digits"),
    ],
)
async def test_link_zotero_rejects_bad_input_without_the_key(
    setup: SyncSetup, written: str, key: str, field: str, said: str
) -> None:
    with pytest.raises(BadRecord, match=said) as caught:
        await setup.link(written, key)
    assert caught.value.field == field
    assert not key or len(key) < 6 or key not in str(caught.value)
    assert setup.libraries == []


async def test_link_zotero_reports_a_key_that_may_write(setup: SyncSetup) -> None:
    assert not (await setup.link()).may_write
    setup.zotero.may_write = True
    assert (await setup.link()).may_write
    assert len(setup.libraries) == 1


async def test_link_zotero_links_nothing_without_an_answer(setup: SyncSetup) -> None:
    for answer in (says(b"", 500), says(b"[]"), says(b'{"userID": 12, "access": []}'), says(b'{"access": {}}')):
        setup.zotero.first = [answer]
        with pytest.raises(SourceFailed):
            await setup.link()
    assert setup.libraries == []


async def test_link_limits_the_number_of_libraries(setup: SyncSetup) -> None:
    for n in range(LIBRARIES_MAX):
        await setup.link(f"groups/{n}")
    with pytest.raises(BadRecord, match="unlink one"):
        await setup.link()
    await setup.link("groups/0")
    assert len(setup.libraries) == LIBRARIES_MAX


async def test_unlink_deletes_the_key_and_keeps_or_drops_papers(setup: SyncSetup) -> None:
    lakes(setup)
    library = await setup.link()
    await setup.sync()
    with pytest.raises(NotFound):
        unlink(setup.by.db, setup.ada, library.key + 1, setup.now, keep=False)
    unlink(setup.by.db, setup.ada, library.key, setup.now, keep=True)
    assert (setup.libraries, setup.likes) == ([], {LAKES, PONDS})
    setup.want(PONDS)
    library = await setup.link()
    await setup.sync()
    assert setup.likes == {LAKES, PONDS}
    unlink(setup.by.db, setup.ada, library.key, setup.now, keep=False)
    assert setup.likes == {PONDS}, "this one is her own by now"


async def test_paper_in_two_libraries_stays_until_both_drop_it(setup: SyncSetup) -> None:
    lakes(setup)
    first, second = await setup.link(), await setup.link("groups/34")
    assert await setup.sync() == 2
    unlink(setup.by.db, setup.ada, first.key, setup.now, keep=False)
    assert setup.likes == {LAKES, PONDS}
    unlink(setup.by.db, setup.ada, second.key, setup.now, keep=False)
    assert setup.likes == set()


async def test_former_orcid_library_keeps_its_papers_unread(setup: SyncSetup) -> None:
    former_orcid(setup.by.db, setup.ada, setup.now, LAKES)
    setup.want(LAKES)
    assert await setup.sync(hours=25) == 0
    assert setup.site.requests == []
    (library,) = setup.libraries
    assert not library.is_read
    assert setup.likes == {LAKES}
    unlink(setup.by.db, setup.ada, library.key, setup.now, keep=True)
    assert (setup.libraries, setup.likes) == ([], {LAKES})


async def test_api_key_is_never_stored_in_plain_text(
    setup: SyncSetup, tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    lakes(setup)
    library = await setup.link()
    await setup.sync()
    setup.zotero.key = "another"
    await setup.sync(hours=25)
    assert library.sealed
    with setup.by.db.read() as session:
        kept = to_json(collect_data(session, setup.subscriber, setup.now))
    assert '"sealed": "a key, which is not shown"' in kept
    assert "LAKES000" in kept
    shown = capfd.readouterr()
    told = "".join([kept, shown.out, shown.err, caplog.text, repr(setup.libraries), repr(setup.by)])
    assert KEY not in told
    assert library.sealed.hex() not in told
    found = [file for file in tmp_path.rglob("*") if file.is_file() and library.sealed in file.read_bytes()]
    assert found, "what is looked for can be found: the sealed key is in the database or its log"
    assert not [file for file in tmp_path.rglob("*") if file.is_file() and KEY.encode() in file.read_bytes()]
    erase(setup.by.db, setup.by.keys, ADA, setup.now)
    assert not [file for file in tmp_path.rglob("*") if file.is_file() and library.sealed in file.read_bytes()]


async def test_encrypted_key_is_bound_to_its_library(setup: SyncSetup) -> None:
    lakes(setup)
    await setup.link()
    stranger = replace(setup.by, keys=Keys(b"another secret, also of 32 bytes"))
    assert await library_sync.sync_due(stranger) == 1
    assert setup.libraries[0].state is LibraryState.REFUSED
    assert "cannot be opened" in setup.libraries[0].why
    await setup.link()
    with setup.by.db.write() as session:
        change = update(core.library).values(place="groups/34")
        session.connection().execute(change)
    await setup.sync()
    assert setup.libraries[0].state is LibraryState.REFUSED, "of another library"
    assert len(setup.zotero.requests) == 2, "the key went nowhere but to say what it may do"


async def test_rotated_secret_encrypts_the_key_again(setup: SyncSetup) -> None:
    lakes(setup)
    before = await setup.link()
    rotated = Keys(b"the new secret in use, 32 bytes!", (RetiredSecret(setup.by.keys.secret, setup.by.clock()),))
    setup.by = replace(setup.by, keys=rotated)
    await setup.sync()
    (after,) = setup.libraries
    assert setup.likes == {LAKES, PONDS}
    assert after.sealed is not None
    assert (before.sealed or b"")[:1] != after.sealed[:1] == rotated.id
    assert await setup.sync(hours=25) == 1
    assert setup.libraries[0].state is LibraryState.LINKED
