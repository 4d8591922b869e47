"""Test `digestd subscriber library` against a local Zotero server."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from digestd import app as wiring
from digestd.papers.paper_import import import_papers
from digestd.security.secret_key import rotate
from tests.cli.test_subscriber import Run, refused, run
from tests.conftest import NOW
from tests.libraries.library_servers import KEY, Zotero, in_thread

__all__ = ["run"]
ADA = "ada@example.org"


@pytest.fixture
def zotero(run: Run, monkeypatch: pytest.MonkeyPatch) -> Iterator[Zotero]:
    with in_thread() as served:
        monkeypatch.setenv("DIGESTD_ZOTERO_URL", served.base)
        run("add", ADA, "--topic", "ice")
        served.put("LAKES000", DOI="10.5555/lakes")
        yield served


def listed(run: Run) -> list[dict[str, object]]:
    found = json.loads(run("library", "list", ADA, "--json").stdout)
    assert isinstance(found, list)
    return found


def test_library_is_linked_synced_listed_and_unlinked(run: Run, zotero: Zotero) -> None:
    linked = run("library", "link", ADA, "zotero", stdin=f"{KEY}\n")
    assert linked.returncode == 0
    assert linked.stderr.startswith("zotero:users/12 is linked")
    assert f"run `digestd subscriber library sync {ADA} zotero:users/12`" in linked.stderr
    assert run("library", "sync", ADA, "zotero:users/12").returncode == 0
    (one,) = listed(run)
    assert (one["state"], one["liked"], one["why"]) == ("linked", 1, "")
    assert "doi:10.5555/lakes" in run("interests", ADA).stdout
    assert run("library", "sync", ADA, "zotero").returncode == 0
    refused(run("library", "unlink", ADA, "zotero:users/13"), 1, "linked: zotero:users/12")
    run("library", "link", ADA, "zotero:groups/34", stdin=KEY)
    refused(run("library", "unlink", ADA, "zotero", "--drop"), 1, "several", "zotero:users/12, zotero:groups/34")
    assert run("library", "unlink", ADA, "zotero:groups/34").returncode == 0
    assert "no longer count" in run("library", "unlink", ADA, "zotero:users/12", "--drop").stderr
    assert "doi:10.5555/lakes" not in run("interests", ADA).stdout
    assert listed(run) == []


def test_key_is_readable_after_secret_rotation(run: Run, zotero: Zotero, tmp_path: Path) -> None:
    run("library", "link", ADA, "zotero", stdin=KEY)
    rotate(tmp_path / "secret.key", NOW)
    assert run("library", "sync", ADA, "zotero:users/12").returncode == 0
    assert listed(run)[0]["liked"] == 1


def test_key_file_and_warning_for_write_access(run: Run, zotero: Zotero, tmp_path: Path) -> None:
    zotero.may_write = True
    (tmp_path / "key.txt").write_text(f" {KEY}\n")
    linked = run("library", "link", ADA, "zotero:groups/34", "--key-file", "key.txt")
    assert "this key has write access" in linked.stderr
    assert KEY not in linked.stderr + linked.stdout + json.dumps(listed(run))
    refused(run("library", "link", ADA, "zotero", "--key-file", "none.txt"), 2, "cannot read none.txt: no such file")


def test_saved_papers_are_put_into_a_collection(run: Run, zotero: Zotero) -> None:
    zotero.may_write, zotero.collections = True, {"ABCD2345": "To read"}
    refused(run("library", "link", ADA, "zotero", "--save", "--collection", "X", stdin=KEY), 2, "there are: To read")
    refused(run("library", "link", ADA, "zotero", "--collection", "X", stdin=KEY), 2, "needs --save")
    linked = run("library", "link", ADA, "zotero", "--save", "--collection", "To read", stdin=KEY)
    assert "warning" not in linked.stderr
    built = wiring.connect()
    import_papers(built.db, [json.dumps({"id": "arxiv:2611.00009", "title": "Ice"}).encode()], built.clock())
    run("feedback", ADA, "arxiv:2611.00009", "saved")
    assert run("library", "sync", ADA, "zotero:users/12").returncode == 0
    assert [item["title"] for item in zotero.added] == ["Ice"]
    (one,) = listed(run)
    assert (one["saves to"], one["not saved"]) == ("To read", "")
    zotero.may_write = False
    run("feedback", ADA, "arxiv:2611.00009", "saved")
    zotero.delete(zotero.added[0]["key"])
    run("library", "sync", ADA, "zotero:users/12")
    assert "the key may no longer write there" in str(listed(run)[0]["not saved"])
    assert "gets no more saved papers" in run("library", "stop", ADA, "zotero:users/12").stderr
    assert listed(run)[0]["saves to"] is None


def test_invalid_library_is_one_line(run: Run, zotero: Zotero) -> None:
    refused(run("library", "link", ADA, "zotero", stdin="wrong"), 2, "Zotero does not know this key")
    refused(run("library", "link", ADA, "zotero"), 2, "only letters and digits")
    refused(run("library", "link", ADA, "orcid:0000-0002-1825-0097"), 2, "export them there as BibTeX")
    refused(run("library", "link", ADA, "mendeley"), 2, "write zotero")
    refused(run("library", "link", "bob@example.org", "zotero", stdin=KEY), 1, "no subscriber")
    run("library", "link", ADA, "zotero", stdin=KEY)
    zotero.key = "another"
    refused(run("library", "sync", ADA, "zotero:users/12"), 1, "refuses the key (403)")
