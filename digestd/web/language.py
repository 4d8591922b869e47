"""Which language a page speaks: the one its address asks for, else the one that the reader's browser prefers."""

from collections.abc import Collection, Iterator

LONGEST = 200
"""Characters of an Accept-Language that are read."""


def preferred(accept: str, known: Collection[str]) -> str | None:
    """The known language that an Accept-Language prefers (RFC 9110 section 12.5.4); None where it names none."""
    ranges = sorted(_ranges(accept[:LONGEST]), key=lambda found: -found[1])
    return next((match for tag, quality in ranges if quality > 0 and (match := spoken(tag, known))), None)


def spoken(tag: str, known: Collection[str]) -> str | None:
    """The known language of a tag: itself, or what it is a kind of (`de` for `de-AT`; RFC 4647 section 3.4)."""
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
            continue  # what cannot be read is as if it were not said
