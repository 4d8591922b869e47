"""Mail digests as a straightforward asyncio service: aiosmtplib, and a row of SQLModel committed for each mail."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aiosmtplib import SMTP
from sqlalchemy import Engine
from sqlmodel import Field, Session, SQLModel, create_engine

from tests.bench.peers.digests import read_digests
from tests.bench.peers.scripts import email_message

TASKS = 16


class Sent(SQLModel, table=True):
    """A mail that the relay accepted."""

    id: int | None = Field(default=None, primary_key=True)
    address: str
    message_id: str
    answer: str


async def main(port: int, folder: Path, count: int) -> None:
    """Mail the first `count` digests."""
    engine = create_engine(f"sqlite:///{folder / 'service.db'}")
    SQLModel.metadata.create_all(engine)
    digests = iter(read_digests(folder, count))
    await asyncio.gather(*(send(port, engine, digests) for _ in range(TASKS)))


async def send(port: int, engine: Engine, digests: Iterator[dict[str, Any]]) -> None:
    """Mail digests over one connection until none is left."""
    async with SMTP(hostname="127.0.0.1", port=port) as relay:
        for digest in digests:
            mail = email_message(digest)
            _, answer = await relay.send_message(mail)
            with Session(engine) as session:
                session.add(Sent(address=digest["address"], message_id=mail["Message-ID"], answer=answer))
                session.commit()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
