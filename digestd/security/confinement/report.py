"""Report what is shut to a parser process on this machine, and what is not and why."""

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Confinement:
    """Report what a parser can still reach. A field is empty if that is shut, else the reason and the remedy.

    Attributes:
        files: opening, creating and deleting files.
        processes: starting programs, signalling or tracing other processes, and changing the modes of files.
        network: sockets of every kind.
        identity: the rights of root.
        layers: the layers that are in force, for people.
    """

    files: str
    processes: str
    network: str
    identity: str
    layers: tuple[str, ...] = ()

    def gaps(self) -> tuple[str, ...]:
        """Return a sentence for each thing that is not shut."""
        found = {
            "parsers can still open files": self.files,
            "parsers can still start processes and change file modes": self.processes,
            "parsers can still use the network": self.network,
            "parsers run as root": self.identity,
        }
        return tuple(f"{what}: {why}" for what, why in found.items() if why)

    def to_json(self) -> bytes:
        """Return the report as the message that a parser process sends first."""
        return json.dumps(asdict(self)).encode()


def parse_report(message: bytes) -> Confinement:
    """Read the first message of a parser process. Raises ValueError, TypeError or KeyError if it is something else."""
    said = json.loads(message)
    files, processes, network, identity = (str(said[name]) for name in ("files", "processes", "network", "identity"))
    return Confinement(files, processes, network, identity, tuple(map(str, said["layers"])))
