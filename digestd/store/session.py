"""One transaction, as the functions of the store are handed it.

SQLAlchemy's own Session belongs to its ORM, which nothing here uses: it costs 30 ms at the start of each command, 6 MiB
in each process, and 60 µs for each transaction.
"""

from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, Engine


class Session:
    """A transaction, which begins when its connection is first asked for. Nothing is committed without `commit`.

    `info`: what functions note for those that end the transaction.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None
        self.info: dict[str, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.rollback()

    def connection(self) -> Connection:
        """Return the connection, in its transaction."""
        if self._connection is None:
            self._connection = self._engine.connect()
            self._connection.begin()
        return self._connection

    def commit(self) -> None:
        if self._connection is not None:
            self._connection.commit()

    def rollback(self) -> None:
        """Undo what was not committed, and give the connection back; the next use begins another transaction."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
