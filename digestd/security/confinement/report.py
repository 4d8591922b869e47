"""Report which rights a parser process has given up on this machine.

Also why it kept others.
"""

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Confinement:
    """The rights that a parser process still has.

    A field is empty if the right is given up, else the reason.

    Attributes:
        files: opening, creating and deleting files.
        processes: starting programs, signalling or tracing other processes, and changing the modes of files.
        network: sockets of every kind.
        identity: the rights of root.
        layers: the layers that are in force, as text for people.
    """

    files: str
    processes: str
    network: str
    identity: str
    layers: tuple[str, ...] = ()

    def gaps(self) -> tuple[str, ...]:
        """Return a sentence for each right that is not given up."""
        found = {
            "parsers can still open files": self.files,
            "parsers can still start processes and change file modes": self.processes,
            "parsers can still use the network": self.network,
            "parsers run as root": self.identity,
        }
        return tuple(f"{what}: {why}" for what, why in found.items() if why)

    def to_json(self) -> bytes:
        """Return the report as the first message of a parser process."""
        return json.dumps(asdict(self)).encode()


def parse_report(message: bytes) -> Confinement:
    """Read the first message of a parser process.

    Raises:
        ValueError, TypeError or KeyError: it is not a report.
    """
    fields = json.loads(message)
    files, processes, network, identity = (str(fields[name]) for name in ("files", "processes", "network", "identity"))
    return Confinement(files, processes, network, identity, tuple(map(str, fields["layers"])))
