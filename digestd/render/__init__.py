"""Render: a digest or notice and its links, as subject, text and HTML.

content     what may be shown: frozen values, the only input of the templates
words       plain text and URLs made safe to show and fit to size
shown       papers as the templates show them, fitted to a mail's size
fragments   rendered parts with slots, encoded once for all mails
digest      a digest assembled from its parts
inline      CSS into style attributes, once per template
templates   the templates of one version, by language
mail        a notice, a page, a reason in words
reply       the answer to commands by mail
"""

from digestd.render.content import (
    Before,
    DigestContent,
    DigestLinks,
    Entry,
    Item,
    NoticeContent,
    Rendered,
    ReplyContent,
)
from digestd.render.digest import Assembled, assemble_digest, render_digest
from digestd.render.mail import render_notice, render_page, render_reason
from digestd.render.reply import render_reply
from digestd.render.templates import Templates, web_environment

__all__ = [
    "Assembled",
    "Before",
    "DigestContent",
    "DigestLinks",
    "Entry",
    "Item",
    "NoticeContent",
    "Rendered",
    "ReplyContent",
    "Templates",
    "assemble_digest",
    "render_digest",
    "render_notice",
    "render_page",
    "render_reason",
    "render_reply",
    "web_environment",
]
