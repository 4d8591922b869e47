"""A parser process that only confines itself, reports and ends. Run by its path."""

import sys


def main() -> None:
    """Send the report.

    The arguments are the folder of digestd and the memory limit in bytes.
    """
    sys.path.insert(0, sys.argv[1])
    from digestd.security.confinement.framing import send  # noqa: PLC0415  # the path had to be set first
    from digestd.security.confinement.sandbox import confine  # noqa: PLC0415  # likewise

    send(sys.stdout.buffer, confine(int(sys.argv[2])).to_json())


if __name__ == "__main__":
    main()
