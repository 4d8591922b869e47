"""Render: a digest or notice and its links, as subject, text and HTML.

content     what may be shown: frozen values, the only input of the templates
shown       papers as the templates show them, fitted to a mail's size
digest      a digest as its templates are given it
holes       what a template prints of one reader or one paper
survey      on what the rest of a template, its shell, depends
shells      shells, printed once for all mails they fit, and filled for each
fixed       the words of a catalogue, looked up once
inline      CSS into style attributes, once per template
templates   the templates of one version, by language
mail        a digest, a confirmation, a page
reply       the answer to commands by mail
"""

from digestd.render.content import (
    Before,
    DigestContent,
    DigestLinks,
    Entry,
    Item,
    NoticeContent,
    Printed,
    Rendered,
    ReplyContent,
)
from digestd.render.mail import print_digest, print_digests, render_digest, render_notice, render_page, render_reason
from digestd.render.reply import render_reply
from digestd.render.templates import Templates, web_environment

__all__ = [
    "Before",
    "DigestContent",
    "DigestLinks",
    "Entry",
    "Item",
    "NoticeContent",
    "Printed",
    "Rendered",
    "ReplyContent",
    "Templates",
    "print_digest",
    "print_digests",
    "render_digest",
    "render_notice",
    "render_page",
    "render_reason",
    "render_reply",
    "web_environment",
]
