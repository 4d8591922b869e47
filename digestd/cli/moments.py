"""Times that a person types."""

from datetime import UTC, datetime

from digestd.errors import BadInput


def moment(text: str) -> datetime:
    """A time typed by a person; without a zone it is UTC. Raises BadInput."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInput(f"{text!r} is no time; write it like 2026-11-24T07:00:00Z") from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)
