"""Choose the language of a page: `?lang=`, else the browser's preference."""

from collections.abc import Collection, Iterator

MAX_HEADER = 200
"""Maximum characters read of an Accept-Language header."""


def preferred(accept: str, known: Collection[str]) -> str | None:
    """Return the known language that an Accept-Language header prefers.

    None if there is none (RFC 9110 section 12.5.4).
    """
    ranges = sorted(_ranges(accept[:MAX_HEADER]), key=lambda found: -found[1])
    return next((match for tag, quality in ranges if quality > 0 and (match := supported_language(tag, known))), None)


def supported_language(tag: str, known: Collection[str]) -> str | None:
    """Return the known language for a tag.

    Itself or its parent (`de` for `de-AT`; RFC 4647 section 3.4).
    """
    parts = tag.strip().lower().replace("_", "-").split("-")
    by_name = {name.lower().replace("_", "-"): name for name in known}
    return next((by_name[name] for n in range(len(parts), 0, -1) if (name := "-".join(parts[:n])) in by_name), None)


def _ranges(accept: str) -> Iterator[tuple[str, float]]:
    for part in accept.split(","):
        tag, _, weight = part.partition(";")
        quality = weight.strip().removeprefix("q=") or "1"
        try:
            yield tag, float(quality)
        except ValueError:
            continue  # ignore a malformed range
