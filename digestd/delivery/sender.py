"""The sender's identity: addresses, keys, and where the links of a mail lead."""

from dataclasses import dataclass
from datetime import datetime

from digestd.mail.dkim import Signer
from digestd.mail.mime import NamedAddress
from digestd.security.links import Keys, Purpose, Urls, command_address, token


@dataclass(frozen=True, slots=True)
class Sender:
    """The sender, as configured.

    Attributes:
        keys: Keys of tokens and return paths.
        urls: Builds the links of pages.
        from_: The From address and name.
        reply_to: The Reply-To address, or empty.
        bounce: The mailbox of return paths.
        list_name: The name in List-Id.
        postal_address: The postal address shown in every mail.
        signer: Signs with DKIM, if configured.
        commands: Address for commands by mail, or empty.
        replies: Whether replies to a digest are read as commands.
    """

    keys: Keys
    urls: Urls
    from_: NamedAddress
    reply_to: str
    bounce: str
    list_name: str
    postal_address: str
    signer: Signer | None = None
    commands: str = ""
    replies: bool = False

    @property
    def host(self) -> str:
        """Return the domain of Message-IDs and of List-Id."""
        return self.from_.address.rpartition("@")[2]

    def command(self, purpose: Purpose, number: int, at: datetime, version: int = 0) -> str:
        """Return the address that acts like a link with such a token, or "" if commands are off."""
        local, _, host = self.commands.rpartition("@")
        return command_address(local, token(self.keys, purpose, number, at, version), host) if self.commands else ""
