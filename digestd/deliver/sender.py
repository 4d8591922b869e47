"""Who sends the mails, and under what name."""

from dataclasses import dataclass
from datetime import datetime

from digestd.links import Keys, Purpose, Urls, command_address, token
from digestd.message import Mailbox
from digestd.sign import Signer


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends, and under what name: from the settings.

    `commands`: where subscribers write commands, empty where they cannot; `replies`: answers to a digest are some.
    """

    keys: Keys
    urls: Urls
    from_: Mailbox
    reply_to: str
    bounce: str
    list_name: str
    postal_address: str
    signer: Signer | None = None
    commands: str = ""
    replies: bool = False

    @property
    def host(self) -> str:
        """The domain of Message-IDs and of List-Id."""
        return self.from_.address.rpartition("@")[2]

    def command(self, purpose: Purpose, number: int, at: datetime, version: int = 0) -> str:
        """Where a mail does what a link with such a token does; empty where commands are off."""
        local, _, host = self.commands.rpartition("@")
        return command_address(local, token(self.keys, purpose, number, at, version), host) if self.commands else ""
