"""Clean text where it enters and before it is shown, make URLs safe, and fit both to size."""

import re
import textwrap
from datetime import date
from functools import lru_cache
from math import ceil
from unicodedata import category, east_asian_width
from urllib.parse import urlsplit

URL_MAX = 500
_SHAPED = r"[\u0600-\u1cff\u2190-\u2bff\ufe0f\ua800-\uabff\U00010a00-\U00011fff\U0001e800-\U0001faff]"
"""Letters of scripts whose forms depend on their neighbours, and emoji."""
_IDLE_JOINER = re.compile(rf"(?<!{_SHAPED})[\u200c\u200d]|[\u200c\u200d](?!{_SHAPED})")
_BLANK_SIGNS = "\u115f\u1160\u2800\u3164\uffa0"
"""Hangul fillers and the empty Braille pattern: letters and symbols to Unicode, blank to people."""
_IGNORABLE = r"\u034f\u17b4\u17b5\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef"
"""Marks that are not drawn: Unicode's Default_Ignorable_Code_Point, without those of category C."""
_EMOJI = r"\xa9\xae\u203c\u2049\u2122\u2139\u2190-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
_IGNORED = re.compile(rf"(?!(?<=[{_EMOJI}])\ufe0f|(?<=[0-9#*])\ufe0f\u20e3)[{_IGNORABLE}]")
"""All of them but the selector that draws an emoji in colour, or a keycap."""
_ODD = re.compile(rf"[{_IGNORABLE}{_BLANK_SIGNS}]")
_UNSPELT = re.compile(
    rf"[{_IGNORABLE}\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
_BLANKS = re.compile(r"[^\S\u00a0]+")
_SENTENCE = re.compile(r"[.!?](?=\s)|[。！？]")  # the last three end sentences in Chinese and Japanese
_WIDE_SIGNS = r"\u2e80-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6"
"""Letters of Chinese and Japanese, which have no blanks between words."""
_WIDE = re.compile(rf"[{_WIDE_SIGNS}\u1100-\u115f\ua960-\ua97f\uac00-\ud7a3]")
_CLOSING = (
    r"、。，．：；？！…‥・ー々ゝゞヽヾぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ）］｝〕〉》」』】〙〗”’»)\]}.,:;?!%"
)
_OPENING = r"（［｛〔〈《「『【〘〖“‘«"
"""Signs that begin, or end, no line in Chinese and Japanese (W3C clreq and jlreq)."""
_PIECE = re.compile(
    rf"(?:[{_OPENING}]|[(\[{{](?=[{_WIDE_SIGNS}]))*(?:[{_WIDE_SIGNS}]|[^\s{_OPENING}{_WIDE_SIGNS}]+)[{_CLOSING}]*\s*|[{_OPENING}]+\s*|\s+"
)
_ADDRESS = re.compile(r"[A-Za-z0-9.+_-]{1,64}@[A-Za-z0-9.-]{1,255}", re.ASCII)
_WEEK = re.compile(r"(\d{4})-W(\d{2})", re.ASCII)


def clean(text: str, limit: int = 20_000) -> str:
    """Return the text on one line without invisible characters.

    It removes controls, lone surrogates, and private, unassigned and invisible format characters (Unicode general
    category C), so that nothing in the text can be mistaken for a placeholder of a mail, and marks that are not drawn,
    which can hide a message. No-break spaces stay, joiners between letters or emoji that they shape, and the variation
    selector of emoji.
    """
    text = text[:limit]
    if text.isprintable() and "  " not in text and (text.isascii() or not _ODD.search(text)):  # nearly all texts
        return text.strip()
    return _BLANKS.sub(" ", _IDLE_JOINER.sub("", _IGNORED.sub("", text)).translate(_VISIBLE)).strip()


class _Visible(dict[int, str]):
    """The replacement of each character in `clean`, for `str.translate`; those below U+0800 are kept."""

    def __missing__(self, code: int) -> str:
        found = _visible(chr(code))
        if code < _KEPT:
            self[code] = found
        return found


_KEPT = 0x800
_VISIBLE = _Visible()


def _visible(sign: str) -> str:
    if sign.isprintable() or sign in "\u00a0\u200c\u200d":
        return " " if sign in _BLANK_SIGNS else sign
    is_inside_word = category(sign) == "Cf" and sign != "\u200b"  # such as a soft hyphen
    return "" if is_inside_word else " "


def is_visible(text: str) -> bool:
    """Return True if a cleaned text has a letter, digit, sign or symbol, and not only marks that combine with one."""
    return any(category(sign)[0] in "LNPS" for sign in text)


def escape_invisible(json: str) -> str:
    """Return the same JSON with invisible characters escaped (RFC 8259 section 7)."""
    return _UNSPELT.sub(
        lambda sign: "\\u" + sign[0].encode("utf-16-be", "surrogatepass").hex("-", 2).replace("-", "\\u"), json
    )


def shorten(text: str, limit: int) -> str:
    """Cut the text to `limit` characters: at the end of a sentence if one is near, else of a word."""
    if len(text) <= limit:
        return text
    if limit <= 1:
        return ""
    head = text[: limit - 1]
    ends = [found.end() for found in _SENTENCE.finditer(text, ceil(limit * 0.7) - 1, limit)]
    if ends:
        return text[: ends[-1]]
    space = head.rfind(" ")
    return f"{(head[:space] if space > limit // 2 else head).rstrip(' ,;:.([–—-')}…"


@lru_cache(maxsize=4096)  # the same pages and papers are in many mails
def safe_url(url: str | None) -> str:
    """Return the URL if it is http(s) without password or blanks, else empty.

    See RFC 3986.
    """
    if not url or len(url) > URL_MAX or not url.isprintable() or re.search(r"[\s\"<>\\^`{|}]", url):
        return ""
    try:
        parts = urlsplit(url)
        named = parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        return ""
    return url if named else ""


def safe_address(address: str) -> str:
    """Return the address if it needs no escaping in a link or a mail, else empty."""
    return address if _ADDRESS.fullmatch(address) else ""


def without_addresses(text: str) -> str:
    """Return a relay's words with mail addresses replaced by `…`: they name a subscriber, and differ for each mail."""
    return " ".join("…" if "@" in word else word for word in text.split())


@lru_cache(maxsize=4096)  # the same papers go to many readers
def wrap(text: str, width: int = 76, indent: int = 0) -> str:
    """Wrap the text in lines of at most `width` columns, each indented.

    Only a URL may be longer. A character of Chinese, Japanese or Korean takes two columns.
    """
    blank = " " * indent
    if not text.isascii() and _WIDE.search(text):
        return "\n".join(f"{blank}{row}" for line in text.split("\n") for row in _wide_rows(line, width - indent))
    if len(text) <= width - indent and text.isprintable() and "" not in text.split(" "):
        return f"{blank}{text}".rstrip()
    lines: list[str] = []
    for paragraph in text.split("\n"):
        rows = _rows(paragraph, width - indent)
        lines += [piece for row in rows or [""] for piece in _broken(row, width - indent)]
    return "\n".join(f"{blank}{line}".rstrip() for line in lines)


def _wide_rows(paragraph: str, width: int) -> list[str]:
    """Break before any wide character, but leave no closing sign at the start and no opening sign at the end."""
    rows, row, used = [], "", 0
    for piece in _PIECE.findall(paragraph):
        needed = text_columns(piece.rstrip(), "WFA")
        if row and used + needed > width:
            rows.append(row.rstrip())
            row, used = "", 0
        row, used = row + piece, used + text_columns(piece, "WFA")
    return [cut for whole in [*rows, row.rstrip()] for cut in _broken(whole, width)]


def text_columns(text: str, double: str = "WF") -> int:
    """Return the columns that a terminal needs for the text (Unicode UAX 11).

    `double`: the widths that take two columns; in text of Chinese and Japanese also the ambiguous ones (A).
    """
    return len(text) if text.isascii() else sum(1 + (east_asian_width(sign) in double) for sign in text)


def _rows(paragraph: str, width: int) -> list[str]:
    """Do as `textwrap.wrap`, in a tenth of the time for text with single blanks, which is nearly all."""
    words = paragraph.split(" ")
    if not paragraph.isprintable() or "" in words:
        return textwrap.wrap(paragraph, width, break_long_words=False, break_on_hyphens=False)
    rows, row = [], words[0]
    for word in words[1:]:
        if len(row) + 1 + len(word) <= width:
            row = f"{row} {word}"
        else:
            rows.append(row)
            row = word
    return [*rows, row]


def _broken(row: str, width: int) -> list[str]:
    if len(row) <= width or "://" in row:
        return [row]
    return [row[start : start + width] for start in range(0, len(row), width)]


def first_day(period: str) -> date:
    """Return the first day of a period: `2026-11-24` itself, the Monday of `2026-W48` (ISO 8601)."""
    week = _WEEK.fullmatch(period)
    return date.fromisocalendar(int(week[1]), int(week[2]), 1) if week else date.fromisoformat(period)
