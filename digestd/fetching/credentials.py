"""Keys for hosts that require them: which setting belongs to which host, and how it is sent.

A key is sent to exactly its host, by HTTPS (or to the loopback address), and never with a redirect to another. It is
added when a request leaves, so that it is in no error, log or stored address.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

import httpx2

from digestd.errors import BadSetting
from digestd.fetching.network import OutgoingRequest

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class Credential:
    """A secret and how it is sent: in a header or as a query parameter."""

    name: str
    value: str = field(repr=False)
    is_parameter: bool = False


@dataclass(frozen=True, slots=True)
class KeySetting:
    """A setting, the host of its key, and how it is sent. `before`: the prefix in a header."""

    setting: str
    host: str
    name: str
    before: str = ""
    is_parameter: bool = False


KEY_SETTINGS = (
    KeySetting("semantic_scholar_key", "api.semanticscholar.org", "x-api-key"),
    KeySetting("openalex_key", "api.openalex.org", "api_key", is_parameter=True),
    KeySetting("ncbi_key", "eutils.ncbi.nlm.nih.gov", "api_key", is_parameter=True),
    KeySetting("github_token", "api.github.com", "Authorization", before="Bearer "),
)
"""Hosts and headers that each setting (DIGESTD_…) is sent to."""


def credentials(settings: Mapping[str, str | None]) -> dict[str, Credential]:
    """Return the credentials by host.

    They come from the settings named in KEYS that have a value. Raises BadSetting.
    """
    found = {}
    for key in KEY_SETTINGS:
        value = (settings.get(key.setting) or "").strip()
        if not value:
            continue
        if not value.isascii() or not value.isprintable() or " " in value or len(value) > 500:
            raise BadSetting(f"DIGESTD_{key.setting.upper()}: is not a key; write one word of at most 500 letters")
        found[key.host] = Credential(key.name, key.before + value, key.is_parameter)
    return found


def with_credential(outgoing: OutgoingRequest, known: Mapping[str, Credential]) -> OutgoingRequest:
    """Return the request with the key of its host, if there is one and the connection is safe.

    Call it for a source's own host only.
    """
    url = outgoing.url
    credential = known.get(url.host)
    if credential is None or not _is_safe(url):
        return outgoing
    if credential.is_parameter:
        query = "&".join([*filter(None, [url.query.decode("ascii")]), f"{credential.name}={quote(credential.value)}"])
        url = url.copy_with(query=query.encode("ascii"))
        return OutgoingRequest(outgoing.method, url, outgoing.headers, outgoing.body, outgoing.chosen)
    headers = {**outgoing.headers, credential.name: credential.value}
    return OutgoingRequest(outgoing.method, url, headers, outgoing.body, outgoing.chosen)


def _is_safe(url: httpx2.URL) -> bool:
    return (url.scheme == "https" and url.port is None) or url.host in LOOPBACK
