"""Saved papers with their tags and notes."""

from datetime import datetime

from sqlalchemy import insert

from digestd.domain.interest import Verdict
from digestd.domain.paper import PaperId
from digestd.papers.deduplication import merge_papers
from digestd.ranking.dense import NoEncoder
from digestd.security.keys import Keys
from digestd.store import core, feedback
from digestd.store.database import Database
from digestd.store.timestamps import to_us
from digestd.subscribers import saved_papers
from tests.papers.makers import paper, seen, take
from tests.store.test_subscribers import stored

ONE, TWO = PaperId("arxiv:1"), PaperId("doi:10.5555/two")


def test_merged_papers_keep_tags_and_notes_of_both(db: Database, keys: Keys, now: datetime) -> None:
    ada = stored(db, keys, now)
    take(db, "s", seen(ONE, title="Bees"), seen(TWO, title="Moss"), now=now)
    for name, tags, note in ((ONE, ["thesis", "bees"], "Ask Bea."), (TWO, ["bees", "ice"], "Table 3.")):
        saved_papers.save(db, ada, name, now)
        saved_papers.annotate(db, ada, name, tags, note)
    merge_papers(db, ONE, TWO, now)
    with db.read() as session:
        [both] = feedback.saved_papers(session, ada)
        assert both == saved_papers.saved_paper(session, ada, TWO)
    assert (both.tags, both.note) == (("bees", "ice", "thesis"), "Table 3.\nAsk Bea.")
    saved_papers.annotate(db, ada, ONE, both.tags, both.note)
    with db.read() as session:
        assert feedback.saved_papers(session, ada) == [both]


def test_papers_beyond_the_list_stay_saved(db: Database, keys: Keys, now: datetime) -> None:
    ada = stored(db, keys, now)
    take(db, "s", seen(ONE, title="Bees"), seen(TWO, title="Moss"), now=now)
    for name in (ONE, TWO):
        saved_papers.save(db, ada, name, now)
    row = {"subscriber_id": ada, "paper": paper(db, TWO).key, "verdict": Verdict.SAVED, "at_us": to_us(now)}
    with db.write() as session:
        session.connection().execute(insert(core.feedback), [row] * feedback.SAVED_MAX)
    saved_papers.annotate(db, ada, ONE, ["thesis"], "")
    with db.read() as session:
        assert [one.paper.id for one in saved_papers.find_papers(session, NoEncoder, ada)] == [TWO]
        assert saved_papers.saved_paper(session, ada, ONE).tags == ("thesis",)
        [found] = saved_papers.find_papers(session, NoEncoder, ada, "bees")
    assert (found.tags, found.saved) == (("thesis",), now)


def test_tags_differ_by_accents_and_not_by_case() -> None:
    typed = ["ハス", "バス", "ﾊｽ", "Eis", "#EIS", "Thèse", "these"]
    assert saved_papers.read_tags(typed) == ("ﾊｽ", "バス", "EIS", "Thèse", "these")
