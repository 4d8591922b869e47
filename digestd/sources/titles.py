"""Join titles and subtitles, which some sources keep apart."""

import re

_WORD = re.compile(r"[^\W\d_]{3}")
_CLOSED = (":", "?", "!", "–", "—")


def with_subtitle(title: str, subtitle: str) -> str:
    """Return `Title: Subtitle`, or the title alone if the other is in it or has no word."""
    title, subtitle = title.strip(), subtitle.strip()
    if not title or not _WORD.search(subtitle) or subtitle.casefold() in title.casefold():
        return title
    return f"{title}{' ' if title.endswith(_CLOSED) else ': '}{subtitle}"
