"""A digest tells what changed about papers that its reader saved, each thing once."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from sqlalchemy import select

from digestd.cli.digest import find_preview
from digestd.digests.forecast import forecast
from digestd.domain.delivery import Claim, State
from digestd.domain.interest import Verdict
from digestd.domain.paper import PaperId, Sighting, Words
from digestd.papers.deduplication import merge_papers
from digestd.papers.page_store import store_page
from digestd.sources.arxiv.api import ArxivApi
from digestd.store import core, integrations
from digestd.store.ledger import claim_queue, queries
from digestd.store.migrate import migrate
from digestd.store.personal_data import export, prune
from digestd.subscribers.feedback import add_feedback, undo_feedback
from tests.delivery.test_composer import prepared
from tests.store.test_migrations import downgrade
from tests.support.install import Install, install

DAY = timedelta(days=1)
SAVED = PaperId("arxiv:2611.00007")
ABSTRACT = "We listen to hives on three roofs. Our model names the queen in 92.1% of 40 hives, by night as by day."
ENTRY = """<feed xmlns="http://www.w3.org/2005/Atom" xmlns:arxiv="http://arxiv.org/schemas/atom"><entry>
<id>http://arxiv.org/abs/2611.00007v{version}</id><title>{title}</title><published>2026-11-20T09:30:00Z</published>
<summary>{abstract}</summary><author><name>Pilar Ibáñez</name></author>{more}
<arxiv:primary_category term="cs.LG"/></entry></feed>"""
FIRST = {"version": "1", "title": "Bees vote with their feet", "abstract": ABSTRACT, "more": ""}
HEAD = f"\nSINCE YOU SAVED IT\n{'-' * 72}\n\n"
WITHDRAWN = {"version": "2", "more": "<arxiv:comment>This paper has been withdrawn by the author</arxiv:comment>"}


@pytest.fixture
def made(tmp_path: Path, database_url: str, now: datetime) -> Install:
    """Return an install with a reader who has saved a paper after their first digest."""
    made = install(tmp_path, database_url, now)
    arxiv(made)
    made.people([{"email": "ada@example.net", "topics": ["bees"], "hour": 0}])
    assert made.plan().planned == 1
    add_feedback(made.db, made.app.keys, "ada@example.net", SAVED, Verdict.SAVED, made.clock.now)
    made.clock.go(timedelta(hours=1))
    return made


def arxiv(made: Install, **changed: str) -> None:
    """Store an answer of arXiv about the paper."""
    page = ArxivApi.from_spec("cs.LG").parse(ENTRY.format(**FIRST | changed).encode())
    store_page(made.db, "arxiv:cs.LG", page.sightings, made.clock.now)


def report(made: Install, source: str = "hf-daily", **fields: object) -> None:
    """Store what another source says of the paper."""
    ids = fields.pop("ids", (SAVED,))
    store_page(made.db, source, [Sighting(ids, Words(FIRST["title"]), **fields)], made.clock.now)  # type: ignore[arg-type]


def next_digest(made: Install, *, with_papers: bool = True) -> str:
    """Return the text of the next day's digest, or nothing if there is none."""
    made.clock.go(DAY)
    if with_papers:
        made.papers([{"id": f"shelf:{made.clock.now:%d%H}", "title": f"Bees of day {made.clock.now:%d}"}])
    before = made.states.get(State.READY, 0)
    planned = made.plan().planned
    assert not made.unsafe
    assert planned == made.states.get(State.READY, 0) - before
    return text(made, newest(made)) if planned else ""


def newest(made: Install) -> Claim:
    """Return the newest digest."""
    with made.db.read() as session:
        last = session.connection().execute(select(core.delivery.c.id).order_by(core.delivery.c.id.desc())).scalar()
        claim = queries.as_claim(session, last or 0)
    assert claim
    return claim


def text(made: Install, claim: Claim) -> str:
    composer, _ = prepared(made)
    message = message_from_bytes(composer.compose(claim).message, policy=policy.default)
    html, plain = (message.get_body((kind,)) for kind in ("html", "plain"))
    assert html
    assert plain
    said = str(plain.get_content()).replace("\r\n", "\n")
    assert ("Since you saved it" in str(html.get_content())) == (HEAD in said)
    return said


def news(said: str) -> str:
    """Return the lines of the first paper below the heading."""
    return said.partition(HEAD)[2].partition("\n\n")[0]


BEES = "Bees vote with their feet\n  https://arxiv.org/abs/2611.00007\n"


@pytest.mark.parametrize(
    ("changed", "lines"),
    [
        ({}, "  - same title and abstract"),
        ({"title": "Bees vote twice"}, "  - new title: “Bees vote twice”"),
        (
            {"abstract": ABSTRACT.replace("92.1", "93.4")},
            "  - the abstract now says “93.4%” instead of “92.1%”",
        ),
        (
            {"abstract": ABSTRACT.replace("92.1% of 40", "93.4\\% of 400")},
            "  - the abstract now says “93.4%” instead of “92.1%”\n"
            "  - the abstract now says “400 hives” instead of “40 hives”",
        ),
        ({"abstract": ABSTRACT.replace("three roofs", "roofs")}, "  - abstract changed in part"),
        ({"abstract": "Swarms decide otherwise than was thought."}, "  - abstract rewritten"),
        (
            {"more": "<arxiv:journal_ref>J. Hives 3 (2026) 1-9</arxiv:journal_ref><arxiv:doi>10.5555/h.1</arxiv:doi>"},
            "  - same title and abstract\n  - published: J. Hives 3 (2026) 1-9\n    https://doi.org/10.5555/h.1",
        ),
    ],
)
def test_new_version_is_told_once(made: Install, changed: Mapping[str, str], lines: str) -> None:
    arxiv(made, version="2", **changed)
    assert news(next_digest(made)) == f"{BEES}  - version 2\n{lines}"
    assert HEAD not in next_digest(made)


def test_withdrawal_alone_is_a_reason_for_a_digest(made: Install) -> None:
    assert next_digest(made, with_papers=False) == ""
    arxiv(made, version="2", abstract="Another text.")
    assert next_digest(made, with_papers=False) == ""
    arxiv(made, **WITHDRAWN)
    said = next_digest(made, with_papers=False)
    assert news(said) == f"{BEES}  - retracted or withdrawn"
    composer, _ = prepared(made)
    claim = newest(made)
    assert composer.render(claim).subject == "Retracted or withdrawn: Bees vote with their feet"
    assert "You asked to hear" not in said
    assert next_digest(made, with_papers=False) == ""


def test_other_sources_bring_news(made: Install) -> None:
    report(made, links={"code": "https://example.org/code"}, announced="signals")
    assert HEAD not in next_digest(made)
    report(made, links={"code": "https://example.org/code", "project": "https://example.org/data"})
    assert news(next_digest(made)) == (
        f"{BEES}  - now with code\n    https://example.org/code\n"
        "  - now with a project page, data or models\n    https://example.org/data"
    )
    report(made, "openreview:V", ids=(PaperId("openreview:abc"), SAVED), venue="Submitted to Hives 2027")
    assert HEAD not in next_digest(made)
    report(made, "openreview:V", ids=(PaperId("openreview:abc"), SAVED), venue="Hives 2027 poster")
    assert news(next_digest(made)) == f"{BEES}  - published: Hives 2027 poster"
    report(made, "crossref:1", ids=(PaperId("doi:10.5555/h.1"), SAVED), venue="Journal of Hives")
    assert HEAD not in next_digest(made)


def test_merge_with_the_publication_is_news(made: Install) -> None:
    journal = PaperId("doi:10.5555/hives.7")
    report(made, "crossref:1234-5679", ids=(journal,), venue="Journal of Hives", announced="replace")
    merge_papers(made.db, SAVED, journal, made.clock.now)
    assert news(next_digest(made)) == f"{BEES}  - published: Journal of Hives\n    https://doi.org/10.5555/hives.7"


def test_three_papers_a_digest_and_withdrawn_ones_first(made: Install) -> None:
    names = [PaperId(f"shelf:{number}") for number in range(5)]
    papers = [Sighting((name,), Words(f"Ants of nest {name}")) for name in names]
    store_page(made.db, "import", papers, made.clock.now)
    for name in names:
        add_feedback(made.db, made.app.keys, "ada@example.net", name, Verdict.SAVED, made.clock.now)
    undo_feedback(made.db, made.app.keys, "ada@example.net", names[4], made.clock.now)
    made.clock.go(DAY)
    gone, *others = papers
    changed = [replace(other, links={"code": "https://example.org/code"}) for other in others]
    store_page(made.db, "import", [replace(gone, withdrawn=True), *changed], made.clock.now)
    said = [[one.title[-1] for one in newest(made).facts.news] for _ in range(3) if next_digest(made)]
    assert said == [["0", "3", "2"], ["1"], []]


def test_news_of_an_expired_digest_is_told_again(made: Install) -> None:
    arxiv(made, version="2")
    told = news(next_digest(made))
    assert "version 2" in told
    made.run_on(timedelta(days=3))
    with made.db.write() as session:
        claim_queue.expire(session, 100, made.clock.now)
    assert news(next_digest(made)) == told


def test_frozen_news_gives_the_same_bytes(made: Install) -> None:
    arxiv(made, version="2", title="Bees vote twice")
    next_digest(made)
    composer, _ = prepared(made)
    claim = newest(made)
    before = composer.compose(claim).message
    arxiv(made, version="3", title="Bees vote thrice")
    prune(made.db, made.clock.now + timedelta(days=900), keep_deliveries=0, keep_papers=1)
    assert prepared(made)[0].compose(newest(made)).message == before
    assert "new title: “Bees vote thrice”" in next_digest(made)


def test_news_is_private(made: Install) -> None:
    arxiv(made, **WITHDRAWN)
    next_digest(made)
    composer, _ = prepared(made)
    claim = newest(made)
    assert "Since you saved it" in composer.render(claim).html
    assert "Since you saved it" not in composer.render_page(claim)
    with made.db.read() as session:
        exported = export(session, claim.subscriber)
    assert {"saved": "Bees vote with their feet", "news": ["withdrawn"]} in exported["delivery"][-1]["picks"]  # type: ignore[operator]


def test_chat_rooms_get_no_news(made: Install) -> None:
    arxiv(made, **WITHDRAWN)
    with made.db.write() as session:
        integrations.put_chat_target(session, newest(made).subscriber, "a room", b"sealed", made.clock.now)
    assert next_digest(made, with_papers=False) == ""
    with made.db.write() as session:
        integrations.remove_chat_target(session, newest(made).subscriber)
    assert news(next_digest(made, with_papers=False)) == f"{BEES}  - retracted or withdrawn"


def test_preview_and_explain_show_news(made: Install) -> None:
    arxiv(made, **WITHDRAWN)
    made.clock.go(DAY)
    _, claim = find_preview(made.app, "ada@example.net", None)
    assert [one.is_withdrawn for one in claim.facts.news] == [True]
    assert forecast(made.db, claim.subscriber, made.clock.now).news == claim.facts.news
    assert news(next_digest(made, with_papers=False)) == f"{BEES}  - retracted or withdrawn"  # nothing was noted


JOURNAL = PaperId("doi:10.5555/hives.7")


def test_retraction_of_the_article_is_told(made: Install) -> None:
    record = {"ids": (JOURNAL, SAVED), "venue": "Journal of Hives", "announced": "replace"}
    report(made, "crossref:1234-5679", **record)
    assert "published: Journal of Hives" in news(next_digest(made))
    arxiv(made, version="2")
    report(made, "import", ids=(PaperId("shelf:code"), SAVED), links={"code": "https://example.org/code"})
    report(made, "crossref:1234-5679", **record, withdrawn=True)
    said = news(next_digest(made, with_papers=False))
    assert said.startswith(f"{BEES}  - the published article was retracted\n  - version 2\n")
    with made.db.read() as session:
        assert not session.connection().execute(select(core.paper.c.withdrawn).distinct()).scalars().all()[0]
    report(made, "crossref:1234-5679", **record)
    assert news(next_digest(made)) == f"{BEES}  - no longer retracted or withdrawn"
    assert HEAD not in next_digest(made)


def test_lifted_withdrawal_is_told_once(made: Install) -> None:
    arxiv(made, **WITHDRAWN)
    next_digest(made)
    arxiv(made, version="2")
    assert next_digest(made, with_papers=False) == ""  # is no reason for a digest
    assert news(next_digest(made)) == f"{BEES}  - no longer retracted or withdrawn"
    arxiv(made, **{**WITHDRAWN, "version": "3"})
    assert news(next_digest(made)) == f"{BEES}  - retracted or withdrawn"
    arxiv(made, version="4")
    assert news(next_digest(made)).startswith(f"{BEES}  - no longer retracted or withdrawn\n  - version 4\n")


@pytest.mark.parametrize(
    ("venue", "is_published"),
    [
        *((name, True) for name in ("Physical Review Letters 130, 1", "Reviews of Modern Physics", "HALO Letters")),
        *((name, False) for name in ("Under double-blind review", "In Review", "To appear in Hives 2027", "in press")),
        *((name, False) for name in ("Accepted at Hives", "Forthcoming in Hives", "Research Square", "TechRxiv")),
        *(
            (name, False)
            for name in ("PsyArXiv", "HAL (Le Centre)", "Authorea (Authorea)", "arXiv (Cornell University)")
        ),
    ],
)
def test_published_is_told_of_venues_alone(made: Install, venue: str, is_published: bool) -> None:
    report(made, venue=venue)
    assert next_digest(made).count(f"  - published: {venue}\n") == is_published


def test_saved_publication_is_not_told_as_published(made: Install) -> None:
    report(made, "feed:hives", ids=(JOURNAL,))
    add_feedback(made.db, made.app.keys, "ada@example.net", JOURNAL, Verdict.SAVED, made.clock.now)
    report(made, "import", ids=(PaperId("arxiv:2611.00008"), JOURNAL), venue="Journal of Hives")
    assert "published" not in next_digest(made)


def test_late_end_of_a_digest_repeats_no_news(made: Install) -> None:
    """What a later digest told stays told; what it passed over in silence is told again."""
    arxiv(made, version="2")
    next_digest(made)
    first = newest(made)
    arxiv(made, **WITHDRAWN)
    assert "withdrawn" in news(next_digest(made))
    told = newest(made)
    end(made, first)
    assert HEAD not in next_digest(made)
    end(made, told)
    assert news(next_digest(made, with_papers=False)) == f"{BEES}  - retracted or withdrawn"
    told = newest(made)
    arxiv(made, **{**WITHDRAWN, "title": "Bees vote"})
    next_digest(made)
    end(made, told)
    assert news(next_digest(made, with_papers=False)) == f"{BEES}  - retracted or withdrawn"


def end(made: Install, claim: Claim) -> None:
    """Let a digest expire, and none besides."""
    with made.db.write() as session:
        where = core.delivery.c.id == claim.key
        session.connection().execute(core.delivery.update().where(where).values(due_us=0, expires_us=1))
        assert claim_queue.expire(session, 100, datetime.fromtimestamp(1, UTC)) == 1


@pytest.mark.parametrize(
    "damage",
    [
        {"facts": {"version": "2", "doi": 7, "affiliations": [3], "new": 1}},
        {"facts": {"venue": 5}},
        {"links": ["code"]},
    ],
)
def test_damaged_revision_stops_nobody(made: Install, damage: Mapping[str, object]) -> None:
    arxiv(made, version="2")
    with made.db.write() as session:
        revision = select(core.paper.c.revision_id).where(core.paper.c.paper_id == SAVED).scalar_subquery()
        where = core.revision.c.id == revision
        session.connection().execute(core.revision.update().where(where).values(**damage))
    assert "Bees of day" in next_digest(made)
    arxiv(made, version="3")
    assert "Bees of day" in next_digest(made)
    arxiv(made, version="4")
    assert "version 4" in news(next_digest(made))


@pytest.mark.slow
def test_upgrade_keeps_what_is_published_apart(made: Install) -> None:
    """A preprint's own DOI is no publication, and a journal reference that was not read may be years old."""
    preprint = PaperId("doi:10.1101/2026.11.01.123456")
    report(made, "biorxiv:all", ids=(preprint,))
    add_feedback(made.db, made.app.keys, "ada@example.net", preprint, Verdict.SAVED, made.clock.now)
    report(made, "crossref:1234-5679", ids=(PaperId("doi:10.5555/hives.8"), SAVED), announced="replace", withdrawn=True)
    downgrade(made.db, "0010")
    assert migrate(made.db)
    arxiv(made, version="2", more="<arxiv:journal_ref>J. Hives 3 (2019)</arxiv:journal_ref>")
    report(made, "biorxiv:all", ids=(preprint, JOURNAL))
    said = next_digest(made)
    assert said.count("  - published") == 1
    assert "  - version 2\n  - same title and abstract\n\n" in said
    assert "https://doi.org/10.5555/hives.7" in said


@pytest.mark.slow
def test_upgrade_tells_nothing_old(made: Install) -> None:
    journal = "<arxiv:journal_ref>J. Hives 3</arxiv:journal_ref><arxiv:doi>10.5555/h.1</arxiv:doi>"
    arxiv(made, version="2", more=journal)
    downgrade(made.db, "0010")
    assert migrate(made.db)
    arxiv(made, version="2", more=journal)
    assert HEAD not in next_digest(made)
    arxiv(made, version="3", more=journal)
    assert news(next_digest(made)) == f"{BEES}  - version 3\n  - same title and abstract"
