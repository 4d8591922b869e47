"""Every kind of mail in the forms that subscribers get, for judges from outside."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from functools import cache

from digestd.domain.delivery import DIGESTS, RETIRED_KINDS, MailKind, ReplyLine
from digestd.mail.content import DigestContent, DigestLinks, EarlierDigest, Rendered, ReplyContent
from digestd.mail.digest import assemble_digest
from digestd.mail.mime import compose_digest, compose_notice
from digestd.mail.rendering import render_notice, render_reply
from digestd.mail.templates import Templates
from digestd.resources import templates
from tests import golden

LANGUAGES = ("en", "de")
NOTICES = tuple(kind for kind in MailKind if kind not in (*DIGESTS, *RETIRED_KINDS, MailKind.REPLY))
REPLIES: Mapping[str, tuple[ReplyLine, ...]] = {
    "help": (ReplyLine("help"),),
    "settings": (ReplyLine("not_by_mail"), ReplyLine("unclear", ("pause",))),
    "prove": (ReplyLine("prove", ("pause", "add")),),
}
TEMPLATES = Templates.of(templates())
_BY_MAIL = "digest+seaaaaaaaaaqaaaaabvqknpqaaaaaaaaaaaaaaaaaaaaaaab@papers.example.org"


@dataclass(frozen=True)
class SampleMail:
    """A mail as it is sent."""

    name: str
    message: bytes
    is_digest: bool

    @property
    def html(self) -> str:
        """Return its HTML part."""
        part = message_from_bytes(self.message, policy=default).get_body(("html",))
        assert part is not None
        return str(part.get_content())


@cache
def sample_mails() -> tuple[SampleMail, ...]:
    """Return every kind of mail, in English and German."""
    return (*_digests(), *_notices(), *_replies())


def _digests() -> Iterator[SampleMail]:
    personal = golden.digest("personal")
    forms = {
        **{case: golden.digest(case) for case in golden.DIGESTS},
        "german": golden.in_language(personal, "de"),
        "one_pick": replace(personal, items=personal.items[:1], facts=personal.facts._replace(considered=3)),
        "thirty_picks": replace(personal, items=personal.items * 5),
        "held": replace(personal, held=(EarlierDigest(personal.date - timedelta(days=1), golden.LINKS.view),)),
        "replies": replace(personal, links=replace(golden.LINKS, replies=True)),
        "commands": replace(personal, links=DigestLinks("", f"mailto:{_BY_MAIL}", "", mail=_BY_MAIL, replies=True)),
    }
    for name, content in forms.items():
        yield SampleMail(f"digest-{name}", _digest(content), is_digest=True)


def _digest(content: DigestContent) -> bytes:
    digest = assemble_digest(TEMPLATES, content)
    headers = golden.digest_headers(digest.rendered, content.links)
    return compose_digest(headers, digest.text.encoded, digest.html.encoded)


def _notices() -> Iterator[SampleMail]:
    for language in LANGUAGES:
        for kind in NOTICES:
            content = replace(golden.NOTICE, kind=kind.value, language=language)
            yield SampleMail(f"{kind}-{language}", _notice(render_notice(TEMPLATES, content)), is_digest=False)
        by_mail = replace(golden.NOTICE, link="", home="", decline="", mail=_BY_MAIL, language=language)
        yield SampleMail(f"confirm-by-mail-{language}", _notice(render_notice(TEMPLATES, by_mail)), is_digest=False)


def _replies() -> Iterator[SampleMail]:
    for language in LANGUAGES:
        for name, lines in REPLIES.items():
            content = ReplyContent("Papers Daily", lines, True, golden.POSTAL, language)
            yield SampleMail(f"reply-{name}-{language}", _notice(render_reply(TEMPLATES, content)), is_digest=False)


def _notice(rendered: Rendered) -> bytes:
    return compose_notice(golden.notice_headers(rendered), rendered.text, rendered.html)
