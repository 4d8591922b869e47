"""The check before sending: mails with invented content, composed by the operator's templates and settings.

It judges what the operator wrote and never what subscribers, papers or the queue say, so nobody's text can stop the
others. A kind of mail that fails in a language is held there; everything else is sent.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import make_msgid
from functools import lru_cache
from typing import NamedTuple

from digestd.delivery.composer import Composer, Sender
from digestd.domain.coverage import CoverageState
from digestd.domain.delivery import DIGESTS, SENT_KINDS, Claim, CommandReply, MailKind, ReplyLine
from digestd.domain.digest import (
    Change,
    ChangeKind,
    DigestFacts,
    Occasion,
    Pick,
    Reason,
    ReasonKind,
    SavedNews,
    Section,
)
from digestd.domain.gist import Gist, GistKind
from digestd.domain.paper import Paper, PaperFacts, PaperId, Words
from digestd.domain.subscriber import Preferences
from digestd.errors import BadSetting, DigestdError
from digestd.mail.lint import Severity
from digestd.mail.paper_view import PaperView
from digestd.mail.templates import Templates
from digestd.store import monitoring, subscribers
from digestd.store.database import Database
from digestd.store.timestamps import to_us

MailForm = tuple[MailKind, str]
"""A kind of mail in one language of the templates."""
FAULTS_MAX = 3
"""Faults that a message names."""
_AT_US = 1_795_000_000_000_000
_DAY, _DAY_BEFORE, _WEEK = "2026-11-24", "2026-11-23", "2026-W48"
_ABSTRACT = "Alpine lakes freeze later each year. We measured ice on 40 lakes. It was 8 cm thinner than in 1990."
_HOME = "https://example.org/"
_GIST = Gist(_ABSTRACT[37:], _ABSTRACT[37:], GistKind.GENERATED)
_SEEN = datetime(2026, 11, 24, tzinfo=UTC)
_PLAIN = Paper(1, PaperId("invented:1"), 1, Words(""), "A paper of which nothing else is known", "", _SEEN, _SEEN)
_FULL = replace(
    _PLAIN,
    words=Words(
        "",
        authors=(
            *("Ada Lake", "Ben Winter", "Chiara Neve", "Dora Hail", "Emil Frost", "Fay Sleet"),
            *("Gus Rime", "Hugo Ice"),
        ),
        categories=("cs.LG", "inv.lakes"),
    ),
    plain_title="Ice on alpine lakes",
    plain_abstract=_ABSTRACT,
    published=_SEEN - timedelta(days=1),
    url="https://example.org/ice",
    links={kind: f"https://example.org/{kind}" for kind in ("pdf", "code", "discussion", "project")},
    signals={"upvotes": 12, "comments": 3, "stars": 1_204, "citations": 2},
    facts=PaperFacts(
        "Journal of Invented Lakes",
        ("University of Ice", "Lake Institute"),
        ("arXiv", "Hugging Face"),
        "cross",
    ),
    gist=_GIST,
)
PAPERS = tuple(
    map(
        PaperView.of,
        (
            _FULL,
            _PLAIN,
            replace(
                _PLAIN,
                id=PaperId("sample:001"),
                words=Words("", authors=("Ada Lake",)),
                plain_title="جليد البحيرات",
                plain_abstract="يتأخر تجمد البحيرات كل عام.",
                facts=PaperFacts(announced="replace"),
            ),
        ),
    )
)
"""Invented papers: one with everything, one with nothing but a title, one written from right to left."""
_LINES: Sequence[tuple[str, tuple[str, ...]]] = (
    *((what, ()) for what in ("help", "unsubscribed", "resumed", "active", "left", "leaving", "nothing_to_undo")),
    *((what, ()) for what in ("topic_unknown",)),
    *((what, ()) for what in ("empty_on", "empty_off", "abstracts_on", "abstracts_off", "interests", "paused")),
    *((what, ("topic", "lake ice")) for what in ("added", "removed", "muted", "unmuted", "not_there", "refused")),
    *((what, ("Ice on alpine lakes",)) for what in ("more", "less", "save", "undone", "no_paper", "interests")),
    ("paused", (_DAY,)),
    ("topic_read", ("lake ice", "ice of lakes", "2")),
    ("topic_empty", ("lake ice", "ice of lakes")),
    ("settings", ("weekly", "tue", "07:00", "UTC", "10", "on", "on")),
    ("unclear", ("hour",)),
    *(("why", (_DAY, how)) for how in ("confirm", "mail", "moved", "import", "taken_back")),
    ("prove", ("pause", "add")),
)
"""The sentences of replies, with their values."""


class HeldMails(NamedTuple):
    """Kinds of mail that cannot be sent, each for readers in some languages.

    `is_news`: there are more of them than when the operator was told last.
    """

    held: Sequence[tuple[MailKind, Sequence[str]]] = ()
    why: str = ""
    is_news: bool = False


def find_held(db: Database, sender: Sender, templates: Templates) -> HeldMails:
    """Return which mails a run must not claim because their templates fail."""
    failures = check_templates(sender, templates)
    with db.read() as session:
        is_known = monitoring.last_count(session, monitoring.MAILS_HELD) == len(failures)
        spoken = subscribers.languages(session) if failures else []
    if not is_known:
        with db.write() as session:
            more = monitoring.count_if_more(session, monitoring.MAILS_HELD, lambda: len(failures))
    held = [(kind, [tag for tag in spoken if templates.language_of(tag) == language]) for kind, language in failures]
    return HeldMails(held, describe(failures), not is_known and more > 0)


def check_templates(sender: Sender, templates: Templates) -> Mapping[MailForm, str]:
    """Return why mails cannot be sent, by kind and language of the templates; empty if all is well.

    A process does the work once for each version of the templates and settings: about a second.
    """
    return _failures(sender, templates)


def require_templates(sender: Sender, templates: Templates) -> None:
    """Raise BadSetting if templates cannot be compiled or mails cannot be sent."""
    templates.check()
    if failures := check_templates(sender, templates):
        raise BadSetting(describe(failures))


def compose_sample(sender: Sender, templates: Templates, address: str, now: datetime) -> bytes:
    """Return a digest of a sample paper to any address, signed as all are. Nobody is subscribed by its links.

    Raises BadSetting if the templates fail.
    """
    composer, notice = Composer(None, sender, templates), _notice(MailKind.DIGEST, "en")
    claim = notice._replace(
        address=address,
        preferences=Preferences(),
        period=now.date().isoformat(),
        covers_from=now.date().isoformat(),
        message_id=make_msgid(domain=sender.host),
        picks=(_pick(0, Reason(ReasonKind.TITLE, "lake ice"), Section.FOR_YOU),),
        dated_us=to_us(now),
    )
    composer.supply(claim, [PaperView.of(replace(_FULL, id=PaperId("sample:000")))])
    return composer.compose(claim).message


def describe(failures: Mapping[MailForm, str]) -> str:
    """Return failures as a sentence for the operator, or nothing."""
    forms: dict[str, list[MailForm]] = {}
    for form, why in failures.items():
        forms.setdefault(why, []).append(form)
    faults = [f"{_names(held)} are held: {why}" for why, held in forms.items()]
    more = f"; {len(faults) - FAULTS_MAX} more faults" if len(faults) > FAULTS_MAX else ""
    return f"{'; '.join(faults[:FAULTS_MAX])}{more}. Sending resumes by itself" if faults else ""


def _names(held: Sequence[MailForm]) -> str:
    """Return kinds and languages: `digest and copy mails (de)`."""
    kinds, languages = (list(dict.fromkeys(names)) for names in zip(*held, strict=True))
    return f"{'all' if len(kinds) == len(SENT_KINDS) else ', '.join(kinds)} mails ({', '.join(languages)})"


@lru_cache(maxsize=4)
def _failures(sender: Sender, templates: Templates) -> Mapping[MailForm, str]:
    found = {}
    for language in map(templates.language_of, templates.languages):
        for kind in SENT_KINDS:
            why = _failure(sender, templates, MailKind.DIGEST if kind is MailKind.COPY else kind, language)
            if why:
                found[kind, language] = why
    return found


@lru_cache(maxsize=256)
def _failure(sender: Sender, templates: Templates, kind: MailKind, language: str) -> str:
    """Return what is wrong with a kind of mail in a language, or nothing."""
    composer, name = Composer(None, sender, templates), MailKind.DIGEST if kind in DIGESTS else kind
    for claim in _claims(composer, kind, language):
        try:
            found = composer.lint(claim, is_invented=True)
        except DigestdError as error:
            return str(error)
        except Exception as error:
            return f"it cannot be composed ({type(error).__name__}); check the templates email/{name}.*"
        for finding in found:
            if finding.severity is Severity.ERROR:
                return f"{finding.where}: {finding.message} (in the templates email/{name}.* or those they use)"
    return ""


def _claims(composer: Composer, kind: MailKind, language: str) -> Iterator[Claim]:
    """Yield mails of a kind and supply what they need."""
    notice = _notice(kind, language)
    if kind is MailKind.REPLY:
        for lines in (_LINES, _LINES[-1:]):
            sentences = tuple(ReplyLine(what, values) for what, values in lines)
            composer.supply(notice, reply=CommandReply(sentences, answers="<asked@example.org>"))
            yield notice
    elif kind in DIGESTS:
        for digest in _digests(notice):
            composer.supply(digest, PAPERS, colleagues=3)
            yield digest
    else:
        composer.supply(notice)
        yield notice


def _notice(kind: MailKind, language: str) -> Claim:
    return Claim(
        key=0,
        attempt=0,
        kind=kind,
        subscriber=0,
        consent_version=1,
        address="reader@example.org",
        preferences=Preferences(name="Ada Lake", language=language),
        period="1",
        covers_from="1",
        message_id="<invented@example.org>",
        envelope_from="",
        picks=(),
        dated_us=_AT_US,
        failures=0,
    )


def _digests(notice: Claim) -> Iterator[Claim]:
    """Yield digests with everything, late and weekly, of trending papers, first and small, and without papers."""
    every = [_pick(number, _reason(kind), Section.FOR_YOU) for number, kind in enumerate(ReasonKind)]
    grouped = [_pick(number, Reason(ReasonKind.TITLE, "lake ice"), Section.FOR_YOU) for number in range(3)]
    sections = [_pick(number, Reason(ReasonKind.NEW), section) for number, section in enumerate(Section)]
    gaps = dict.fromkeys(map("Source {}".format, range(6)), CoverageState.LATE) | {
        f"Source {state}": state for state in CoverageState
    }
    daily = notice._replace(period=_DAY, covers_from=_DAY, facts=DigestFacts(100))
    if notice.kind is MailKind.PROGRAMME:
        yield daily._replace(period="Lakes 2027", covers_from="Lakes 2027", picks=tuple(every))
        return
    detailed = notice.preferences.model_copy(update={"full_abstracts": True})
    news = tuple(SavedNews("Lakes", _HOME, (Change(kind, "3", "2", _HOME),)) for kind in ChangeKind)
    facts = DigestFacts(100, gaps, most_read=1, news=news)
    yield daily._replace(picks=(*every, *grouped, *sections), facts=facts, preferences=detailed)
    nameless = notice.preferences.model_copy(update={"name": ""})
    late = daily._replace(period=_WEEK, covers_from="2026-W47", preferences=nameless)
    yield late._replace(picks=tuple(grouped), facts=_on(Occasion.AFTER_GAP))
    trending = [pick._replace(section=Section.TRENDING) for pick in grouped]
    yield daily._replace(picks=tuple(trending), covers_from=_DAY_BEFORE)
    yield daily._replace(picks=tuple(grouped[:1]), facts=_on(Occasion.FIRST, Occasion.ROOM_FAILED))
    yield daily._replace(picks=tuple(grouped[:1]), facts=_on(Occasion.ROOM_ENDED, Occasion.SAVING, Occasion.NOT_SAVED))
    yield daily._replace(facts=_on(Occasion.EMPTY))
    yield daily._replace(facts=_on(Occasion.EMPTY), period=_WEEK, covers_from=_WEEK)
    yield daily._replace(facts=_on(Occasion.EMPTY)._replace(news=news))


def _on(*occasions: Occasion) -> DigestFacts:
    return DigestFacts(100, occasions=frozenset(occasions))


def _reason(kind: ReasonKind) -> Reason:
    return Reason(kind, "42" if kind is ReasonKind.TREND else "lake ice", ("ice on alpine lakes",))


def _pick(number: int, reason: Reason, section: Section) -> Pick:
    paper = number % len(PAPERS)
    return Pick(paper, paper, 1.0, section, reason)
