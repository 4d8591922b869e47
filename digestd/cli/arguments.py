"""Times that a person types."""

from datetime import UTC, datetime

from digestd.domain import typed
from digestd.errors import BadInput


def moment(text: str) -> datetime:
    """A time typed by a person; without a zone it is UTC. Raises BadInput."""
    try:
        at = typed.moment(text)
    except ValueError as error:
        raise BadInput(str(error)) from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)
