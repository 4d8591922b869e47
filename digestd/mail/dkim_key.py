"""Open the DKIM signer of the settings: domain, selector and private key file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from digestd.errors import BadSetting

if TYPE_CHECKING:
    from digestd.mail.dkim import Signer


def open_signer(domain: str, selector: str, key_file: str) -> Signer | None:
    """Return the signer of these settings, or None if the relay signs.

    Raises BadSetting if they are inconsistent.
    """
    given = {"domain": domain, "selector": selector, "key_file": key_file}
    if not any(given.values()):
        return None
    if missing := [name for name, value in given.items() if not value]:
        raise BadSetting(
            f"DIGESTD_DKIM_{missing[0].upper()}: is missing; DKIM needs a domain, a selector and a key file"
        )
    from digestd.mail.dkim import create_signer  # noqa: PLC0415  # `cryptography` is slow to import; only signing needs it

    file = Path(key_file)
    try:
        if file.stat().st_mode & 0o007:
            raise BadSetting(f"DIGESTD_DKIM_KEY_FILE: {file} is world-readable; run `chmod 600 {file}`")
        return create_signer(domain, selector, file.read_bytes())
    except OSError as error:
        raise BadSetting(f"DIGESTD_DKIM_KEY_FILE: cannot read {file}: {error.strerror}") from error
