"""Read the files that the package ships: built-in templates and the sample day.

In a wheel the templates are inside the package, in a checkout next to it.
"""

from collections.abc import Sequence
from pathlib import Path

from digestd.errors import BadSetting, NotFound

_PACKAGE = Path(__file__).parent
_SUFFIXES = {".j2", ".po", ".css"}


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
    paths = sorted(path for path in folder.rglob("*") if path.suffix in _SUFFIXES and path.is_file())
    try:
        return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in paths}
    except (OSError, UnicodeDecodeError) as problem:
        raise BadSetting(f"a template in {folder} cannot be read as UTF-8 text: {problem}") from problem
