"""Files of text that somebody names."""

from pathlib import Path

from digestd.errors import BadInput


def read_text(file: Path) -> str:
    """What is in it. Raises BadInput where it cannot be read, or is no text."""
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"{file} is not UTF-8; is it the right file? Else save it as UTF-8") from error
    except OSError as error:
        raise BadInput(f"cannot read {file}: {error.strerror}") from error
