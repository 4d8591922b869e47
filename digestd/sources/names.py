"""Convert the names of people to reading order."""

import re

_SUFFIXES = frozenset({"jr", "sr", "ii", "iii", "iv", "phd", "md"})
_INITIALS = re.compile(r"(?P<family>\S.*\S)\s+(?P<initials>[A-Z]{1,4}(?:-[A-Z])?)")
_NAME_MAX = 500
_OTHERS = frozenset({"et al", "and others", "others"})


def natural_name(written: str) -> str:
    """Return `First Last Jr.` for `Last, First, Jr.` and `Last, Jr., First`.

    Other forms are kept; `et al.` becomes "".
    """
    parts = [part.strip() for part in written[:_NAME_MAX].split(",") if part.strip()]
    if not parts or is_others(written):
        return ""
    given = [part for part in parts[1:] if not is_suffix(part)]
    suffixes = [part for part in parts[1:] if is_suffix(part)]
    return " ".join([*given, parts[0], *suffixes])


def indexed_name(written: str) -> str:
    """Return `JA Smith` for `Smith JA`, as indexes write it; else as `natural_name`."""
    found = None if "," in written else _INITIALS.fullmatch(written[:_NAME_MAX].strip())
    return f"{found['initials']} {found['family']}" if found else natural_name(written)


def is_suffix(part: str) -> bool:
    """Return True for `Jr.` and its like, which follow a name."""
    return part.rstrip(".").lower() in _SUFFIXES


def is_others(name: str) -> bool:
    """Return True for `et al.` and `others`."""
    return name.strip(" .,").lower() in _OTHERS
