"""Test when hints about topics need the sentence encoder."""

from datetime import datetime

from digestd.digests.text_model import text_model
from digestd.digests.topic_hints import TopicHinter
from digestd.ranking.dense import NoEncoder
from tests.digests.one_engine import database_url  # noqa: F401  # a fixture
from tests.support.install import Install


def test_hints_open_the_encoder_only_without_papers(library_of: Install, now: datetime) -> None:
    opened: list[NoEncoder] = []

    def encoder() -> NoEncoder:
        opened.append(NoEncoder())
        return opened[-1]

    hinter, known = TopicHinter(library_of.db, encoder), "fota tatamu"
    text_model(library_of.db, now)
    assert hinter.hints([known], now)[0].papers > 0
    assert not opened
    assert [hint.papers > 0 for hint in hinter.hints([known, "zymurgy"], now)] == [True, False]
    assert opened


def test_hints_come_before_the_first_plan(library_of: Install, now: datetime) -> None:
    hinter = TopicHinter(library_of.db, NoEncoder)
    assert hinter.hints(["fota tatamu"], now)[0].papers > 0
    assert hinter.not_understood(["fota tatamu", "qzzx vwkq"], now) == ["qzzx vwkq"]
