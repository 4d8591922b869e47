"""Read subjects: decode them, and tell replies and automatic replies. Pure.

The subject of a digest is the title of a paper, and a reply repeats it. So titles must not be read as cues.
"""

import re
from email.errors import HeaderParseError
from email.header import decode_header, make_header

from digestd.replies.parsed_mail import HeaderFields, replace_surrogates
from digestd.replies.phrases import Phrases, is_wide, normalise

SUBJECT_MAX = 300
REPLY_PREFIXES = frozenset(
    {
        *("re", "aw", "antw", "fw", "fwd", "wg", "doorst", "sv", "vs", "vb", "vl", "tr", "rép", "rif", "r", "i", "res"),
        *("rv", "enc", "odp", "pd", "ynt", "ilt", "отв", "回复", "回覆", "答复", "转发", "轉寄", "返信", "転送"),
    }
)
"""Words that mail programs write before the colon of a reply or a forwarded mail."""
_TAG = re.compile(r"\[[^\[\]]{1,40}\]|【([^【】]{1,40})】.*")
_END = re.compile(r"\s*[:：–—]|\s-\s|$")
_AUTOMATIC = Phrases("automatic")
"""Read when the module is imported, because the confined parser may read no files later."""


def read_subject(fields: HeaderFields) -> str:
    """Return the decoded subject on one line."""
    raw = fields.first("subject")[:SUBJECT_MAX]
    try:
        text = str(make_header(decode_header(raw)))
    except (HeaderParseError, LookupError, ValueError):
        text = raw
    return " ".join(replace_surrogates(text[:SUBJECT_MAX]).split())


def is_reply(subject: str) -> bool:
    """Return True if a subject begins like `Re:` in any language."""
    prefix, colon, _ = subject.replace("：", ":").partition(":")
    return bool(colon) and prefix.casefold().rstrip("[]0123456789 ") in REPLY_PREFIXES


def is_automatic(subject: str) -> bool:
    """Return True if a subject begins like that of an automatic reply or a challenge."""
    if is_reply(subject):
        return False
    said = _TAG.sub(r"\1", subject, count=1)
    title, whole = normalise(_END.split(said, maxsplit=1)[0]), normalise(said)
    is_title = _AUTOMATIC.pattern("titles", wide=is_wide(title)).fullmatch(title) is not None
    return is_title or _AUTOMATIC.pattern("beginnings", wide=is_wide(whole)).match(whole) is not None
