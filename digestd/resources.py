"""Read the files that the package ships: built-in templates and the sample day.

In a wheel the templates are inside the package, in a checkout next to it.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path

from digestd.errors import BadInput, BadSetting, NotFound
from digestd.files import explain

_PACKAGE = Path(__file__).parent
_SUFFIXES = {".j2", ".po", ".css"}
_HASH_BYTES = 16


def templates(overrides: Sequence[Path] = ()) -> dict[str, str]:
    """Return every template by its path below the folder, e.g. `email/digest.html.j2`.

    Args:
        overrides: a search path; a file in an earlier folder hides the file of the same name in later folders and the
            built-in one.

    Raises:
        BadSetting: a folder does not exist, or a template is not UTF-8.
    """
    found: dict[str, str] = {}
    for folder in [_builtin(), *reversed(overrides)]:
        if not folder.is_dir():
            raise BadSetting(f"DIGESTD_TEMPLATES_DIR: there is no folder {folder}; create it or correct the setting")
        found.update(_read(folder))
    return found


def hash_of(files: Mapping[str, str]) -> str:
    """Return the hash of template files by path."""
    content = json.dumps(dict(sorted(files.items())), ensure_ascii=False).encode()
    return hashlib.blake2b(content, digest_size=_HASH_BYTES).hexdigest()


class OverrideState(StrEnum):
    """How an operator's template stands to the built-in one.

    CURRENT: the built-in one is as it was when it was copied. OUTDATED: it has changed since. UNMARKED: it is not known
    when it was copied. UNKNOWN: there is no built-in one of this name, so nothing uses it.
    """

    CURRENT = "current"
    OUTDATED = "outdated"
    UNMARKED = "unmarked"
    UNKNOWN = "unknown"


def copy_template(name: str, folder: Path) -> Path:
    """Copy a built-in template into a folder, marked with its hash, and return the copy.

    Raises:
        NotFound: there is no such template.
        BadInput: the copy exists, or cannot be written.
    """
    built_in = templates()
    if name not in built_in:
        near = get_close_matches(name, built_in, n=1, cutoff=0.4)
        raise NotFound(f"there is no template {name[:80]!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
    copy = folder / name
    opening, closing = _COMMENTS[copy.suffix]
    try:
        copy.parent.mkdir(parents=True, exist_ok=True)
        with copy.open("x", encoding="utf-8") as file:
            file.write(f"{opening} {_mark(built_in[name])} {closing}\n{built_in[name]}")
    except FileExistsError as error:
        raise BadInput(f"{copy} exists; remove it first, or compare with `digestd template diff {name}`") from error
    except OSError as error:
        raise BadInput(f"cannot write {copy}: {error.strerror}; make the folder writable") from error
    return copy


def overrides(folders: Sequence[Path]) -> dict[str, OverrideState]:
    """Return the templates in an operator's folders by name, and how they stand. Raises BadSetting."""
    built_in, states = templates(), {}
    for folder in folders:
        for name, text in _read(folder).items():
            states[name] = _override_state(text, built_in.get(name))
    return dict(sorted(states.items()))


def _override_state(text: str, built_in: str | None) -> OverrideState:
    if built_in is None:
        return OverrideState.UNKNOWN
    found = _MARK.search(text.partition("\n")[0])
    if found is None:
        return OverrideState.UNMARKED
    return OverrideState.CURRENT if found[0] == _mark(built_in) else OverrideState.OUTDATED


def _mark(text: str) -> str:
    return f"digestd-template:{hashlib.sha256(text.encode()).hexdigest()[:16]}"


_MARK = re.compile(r"digestd-template:[0-9a-f]{16}")
_COMMENTS = {".j2": ("{#-", "-#}"), ".css": ("/*", "*/"), ".po": ("#", "")}
"""Comments by kind of file. Those of templates take the line end with them."""


def sample(name: str) -> Path:
    """Return the path of a file of the sample day, e.g. `sample("papers.jsonl")`.

    Raises:
        NotFound: there is no such file.
    """
    path = _PACKAGE / "sample" / name
    if not path.is_file():
        raise NotFound(f"the package ships no sample file {name!r}; install digestd again")
    return path


def _builtin() -> Path:
    shipped = _PACKAGE / "templates"
    return shipped if shipped.is_dir() else _PACKAGE.parent / "templates"


def _read(folder: Path) -> dict[str, str]:
    found = {}
    for path in sorted(path for path in folder.rglob("*") if path.suffix in _SUFFIXES and path.is_file()):
        try:
            found[path.relative_to(folder).as_posix()] = path.read_text(encoding="utf-8")
        except OSError as problem:
            raise BadSetting(f"DIGESTD_TEMPLATES_DIR: cannot read {explain(problem, path)}") from problem
        except UnicodeDecodeError as problem:
            line = 1 + problem.object.count(b"\n", 0, problem.start)
            raise BadSetting(f"template {path}, line {line}: is not UTF-8; save it as UTF-8, or remove it") from problem
    return found
