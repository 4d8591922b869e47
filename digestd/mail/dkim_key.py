"""What signs with DKIM: a domain, a selector and a key in a file that not everybody may read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from digestd.errors import BadSetting

if TYPE_CHECKING:
    from digestd.mail.dkim import Signer


def open_signer(domain: str, selector: str, key_file: str) -> Signer | None:
    """The signer of these settings; None where the relay signs. Raises BadSetting where they do not hold together."""
    given = {"domain": domain, "selector": selector, "key_file": key_file}
    if not any(given.values()):
        return None
    if missing := [name for name, value in given.items() if not value]:
        raise BadSetting(
            f"DIGESTD_DKIM_{missing[0].upper()}: is missing; DKIM needs a domain, a selector and a key file"
        )
    from digestd.mail.dkim import signer  # noqa: PLC0415  # only who signs needs what it takes

    file = Path(key_file)
    try:
        if file.stat().st_mode & 0o007:
            raise BadSetting(f"DIGESTD_DKIM_KEY_FILE: everybody may read {file}; run `chmod 600 {file}`")
        return signer(domain, selector, file.read_bytes())
    except OSError as error:
        raise BadSetting(f"DIGESTD_DKIM_KEY_FILE: cannot read {file}: {error.strerror}") from error
