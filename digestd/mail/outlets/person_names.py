"""Write the names of authors as reference managers expect them."""

from digestd.text.sanitise import clean

_SUFFIXES = frozenset(["jr", "jr.", "sr", "sr.", "ii", "iii", "iv"])


def family_first(name: str) -> str:
    """Return `Ada van der Berg` as `van der Berg, Ada`.

    Names with a comma or of one word stay unchanged.
    """
    parts = clean(name).split()
    if "," in name or len(parts) < 2:
        return " ".join(parts)
    suffix = parts.pop() if parts[-1].lower() in _SUFFIXES and len(parts) > 2 else ""
    start = len(parts) - 1
    while start > 1 and parts[start - 1].islower():
        start -= 1
    return ", ".join(part for part in (" ".join(parts[start:]), suffix, " ".join(parts[:start])) if part)
