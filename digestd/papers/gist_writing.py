"""Have a language model write gists in the background, once per paper.

New papers are taken newest first, up to a number a day. A gist is stored as another revision of the paper, so that
digests planned before keep the one that they were planned with. If the endpoint fails, the rest waits: digests go out
with the extracted gists meanwhile. Nothing about a subscriber is sent but the languages that all of them together read.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from digestd.domain.gist import Gist, GistKind
from digestd.errors import DigestdError
from digestd.gists.generation import (
    Refused,
    gist_messages,
    read_gist,
    read_translation,
    translation_messages,
)
from digestd.gists.gist import is_english
from digestd.gists.sentences import split_sentences
from digestd.papers.language_model import AnswerTimedOut, LanguageModel, NoText
from digestd.store.database import Database
from digestd.store.papers import sightings
from digestd.store.papers.sightings import UnwrittenGist

NEWS_AGE = timedelta(days=2)
"""Older papers are in few digests still to come."""
DAY = timedelta(days=1)
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class GistWriter:
    """The language model and its limits.

    Attributes:
        model: The model to ask.
        per_day: Papers a day.
        languages: Languages to translate gists into, as BCP 47 tags.
    """

    model: LanguageModel
    per_day: int
    languages: Sequence[str] = field(default=())


@dataclass(frozen=True, slots=True)
class WrittenReport:
    """Number of papers whose gist was written or translated, and of those where nothing could be used."""

    written: int = 0
    refused: int = 0


def write_gists(
    db: Database,
    writer: GistWriter,
    now: Callable[[], datetime],
    keep_on: Callable[[], bool] = lambda: True,
    most: int = 100_000,
) -> WrittenReport:
    """Write the gists of new papers, until none is left or the day's number is reached.

    Safe to repeat, and to stop between two papers.

    Args:
        now: Returns the current time.
        keep_on: Called before each paper; if it returns False, the rest waits for the next call.
        most: Papers of this call.

    Raises:
        ModelUnavailable: The endpoint failed; the rest waits for the next call.
    """
    report = WrittenReport()
    while keep_on() and report.written + report.refused < most:
        at = now()
        with db.read() as session:
            left = writer.per_day - sightings.count_attempts(session, at - DAY)
            paper = sightings.newest_unwritten(session, at - NEWS_AGE) if left > 0 else None
            earlier = sightings.earlier_result(session, paper) if paper else None
        if paper is None:
            break
        try:
            gist, translations, outcome = (*earlier, sightings.EARLIER) if earlier else _write(writer, paper)
        except (AnswerTimedOut, NoText) as error:
            gist, translations, outcome = None, {}, "timeout" if isinstance(error, AnswerTimedOut) else "no text"
        except DigestdError:
            raise
        except Exception as error:  # an answer of a kind that nobody foresaw; the other papers go on
            log.exception("no gist written", paper=paper.paper_id, kind=type(error).__name__)
            gist, translations, outcome = None, {}, "failed"
        with db.write() as session:
            sightings.record_attempt(session, paper.revision, outcome, at)
            if gist is not None or translations:
                sightings.append_revision(session, paper, gist, translations, at)
        is_used = gist is not None or bool(translations)
        report = WrittenReport(report.written + is_used, report.refused + (not is_used))
    return report


def _write(writer: GistWriter, paper: UnwrittenGist) -> tuple[Gist | None, Mapping[str, Gist], str]:
    """Return what the model wrote for a paper: a gist, translations, and the outcome in one word.

    A source's own summary is kept and only translated.
    """
    gist, outcome = None, "kept"
    if paper.gist.kind is GistKind.EXTRACTED:
        try:
            answer = writer.model.ask(gist_messages(paper.title, paper.abstract))
            gist, outcome = read_gist(answer, paper.title, paper.abstract), "written"
        except Refused as error:
            outcome = str(error)
            log.info("generated gist dropped", paper=paper.paper_id, why=outcome)
    original = (gist or paper.gist).text
    translations: dict[str, Gist] = {}
    for language in writer.languages if is_english(split_sentences(original)) else ():
        try:
            answer = writer.model.ask(translation_messages(original, language))
            translations[language] = read_translation(answer, original)
        except Refused as error:
            log.info("translated gist dropped", paper=paper.paper_id, language=language, why=str(error))
    return gist, translations, outcome
