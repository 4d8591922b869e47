"""Probes that need the network: relays, DNS, our pages as an outsider sees them, the clock, hosts of sources."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from datetime import datetime
from email.utils import parseaddr, parsedate_to_datetime
from ipaddress import ip_address
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

import httpx2

from digestd.app import App
from digestd.delivery.transports import Route, open_routes
from digestd.errors import RelayFailed
from digestd.mail.dkim import dns_record, open_signer
from digestd.operations.diagnosis import Diagnosis, error, ok, warning
from digestd.operations.mail_dns import MailSetup, diagnose
from digestd.operations.name_lookups import look_up_all, open_resolver
from digestd.settings import LOOPBACK, Settings
from digestd.store.papers import sources as stored_sources

CLOCK_SERVERS = ("https://arxiv.org/", "https://www.debian.org/", "https://www.ietf.org/", "https://www.python.org/")
CLOCK_ERROR_SECONDS, CLOCK_WARNING_SECONDS = 300.0, 10.0
"""DKIM signatures and links carry times, and digests are planned by the clock."""
HTTP_SECONDS = 8.0
_NO_TOKEN = "A" * 36
"""In the place of an unsubscribe token: valid for nobody."""
_PORTS = {"http": 80, "https": 443}
_OPERATORS_PAGES = ("metrics", "readyz", "admin")


async def check_relays(settings: Settings) -> Sequence[Diagnosis]:
    """Connect to each relay, start TLS and log in; send nothing."""
    return await asyncio.gather(*(_relay(route) for route in _routes(settings)))


async def check_dns(settings: Settings, resolver: str) -> Sequence[Diagnosis]:
    """Look up what receivers look up about our mail."""
    routes = _routes(settings)
    if all(_is_folder(route) for route in routes):
        return [ok("dns", "mail goes to a folder, so DNS is not needed yet")]
    setup = mail_setup(settings, routes)
    return list(diagnose(setup, await look_up_all(setup, open_resolver(resolver))))


async def check_web(settings: Settings, transport: httpx2.AsyncBaseTransport | None = None) -> Sequence[Diagnosis]:
    """Request our pages at the public URL: what anybody sees, one-click unsubscribe, what must stay closed.

    `transport`: what carries the requests; by default the network.
    """
    url = settings.public_url
    if not url:
        return [ok("web", "there are no pages: subscribers unsubscribe by mail")]
    host = urlsplit(url).hostname or ""
    found: list[Diagnosis] = []
    if host in LOOPBACK and not settings.command_address:
        found.append(
            warning(
                "web",
                f"{url} is this machine, so nobody else can unsubscribe or change settings",
                "set DIGESTD_PUBLIC_URL to an https address that leads here",
            )
        )
    context = httpx2.create_ssl_context()  # with the certificates of the environment, but not its proxies
    async with httpx2.AsyncClient(timeout=HTTP_SECONDS, transport=transport, trust_env=False, verify=context) as client:
        try:
            found += [finding async for finding in _pages(client, url, settings)]
        except httpx2.HTTPError as problem:
            found.append(
                error(
                    "web",
                    f"{url} does not answer: {str(problem) or type(problem).__name__}",
                    "check that `digestd up` or `digestd web` runs, the proxy in front of it, its certificate and DNS",
                )
            )
    return found


async def check_clock(settings: Settings, clock: Callable[[], datetime], servers: Sequence[str]) -> Sequence[Diagnosis]:
    """Compare the clock with the `Date` of several web servers."""
    if settings.now:
        return [warning("clock", "the clock was set by DIGESTD_NOW", "unset DIGESTD_NOW, except for tests")]
    async with httpx2.AsyncClient(timeout=HTTP_SECONDS) as client:
        answers = await asyncio.gather(*(_offset(client, server, clock) for server in servers))
    offsets = [offset for offset in answers if offset is not None]
    if not offsets:
        return [
            warning("clock", "no web server told the time", "check the network; `timedatectl` shows if NTP is active")
        ]
    by = median(offsets)
    said = f"{abs(by):.0f} s {'behind' if by > 0 else 'ahead'}, by {len(offsets)} web servers"
    remedy = "set the clock and keep it by NTP: `timedatectl set-ntp true`"
    if abs(by) > CLOCK_ERROR_SECONDS:
        return [error("clock", f"the clock is {said}; digests would come at the wrong time", remedy)]
    if abs(by) > CLOCK_WARNING_SECONDS:
        return [warning("clock", f"the clock is {said}", remedy)]
    return [ok("clock", f"right, by {len(offsets)} web servers")]


async def check_source_hosts(app: App) -> Sequence[Diagnosis]:
    """Connect to the host of each source, without a request. Sources whose last fetch failed are reported as such."""
    with app.db.read() as session:
        failed = {name for name, last in stored_sources.latest_fetches(session).items() if last.error}
    hosts: dict[tuple[str, int], str] = {}
    for source in app.sources:
        if source.name in failed:
            continue
        request = source.requests(app.clock(), None)
        parts = urlsplit(request.url) if request else None
        if parts and parts.scheme in _PORTS and parts.hostname:
            hosts.setdefault((parts.hostname, parts.port or _PORTS[parts.scheme]), source.name)
    found = await asyncio.gather(*(_host(host, port, name) for (host, port), name in hosts.items()))
    return [finding for finding in found if finding]


def mail_setup(settings: Settings, routes: Sequence[Route]) -> MailSetup:
    """Return what DNS must agree with, by the settings. Raises BadSetting for an invalid DKIM key."""
    sender = parseaddr(settings.mail_from)[1].rpartition("@")[2].lower()
    bounce = parseaddr(settings.bounce_address)[1].rpartition("@")[2].lower() or sender
    signer = open_signer(settings.dkim_domain, settings.dkim_selector, settings.dkim_key_file)
    key = None
    if signer:
        key = signer.dns_name, dns_record(Path(settings.dkim_key_file).read_bytes())
    hosts = {route.name.rpartition(":")[0] for route in routes if not _is_folder(route)}
    is_here = any(map(_is_near, hosts))
    return MailSetup(
        sender=sender,
        bounce=bounce,
        dkim=key,
        signs_for=signer.domain if signer else "",
        relays=tuple(sorted(host for host in hosts if not _is_near(host) and not _is_address(host))),
        ehlo=(urlsplit(settings.public_url).hostname or "") if is_here else "",
    )


def _routes(settings: Settings) -> tuple[Route, ...]:
    return open_routes(settings.transport_url, ehlo=urlsplit(settings.public_url).hostname or "localhost")


def _is_folder(route: Route) -> bool:
    return route.name.startswith("maildir:")


def _is_near(host: str) -> bool:
    """Return True for a host on this machine or in a private network, which sends to the receivers itself."""
    return host in LOOPBACK or (_is_address(host) and ip_address(host.strip("[]")).is_private)


def _is_address(host: str) -> bool:
    with suppress(ValueError):
        return bool(ip_address(host.strip("[]")))
    return False


async def _relay(route: Route) -> Diagnosis:
    try:
        connection = await route.transport.connect()
    except RelayFailed as problem:
        what = str(problem).removesuffix("; digestd will retry later")
        return error(
            "relay",
            what if route.name in what else f"{route.name}: {what}",
            "check host, port, TLS and password in DIGESTD_TRANSPORT_URL; `digestd send --test EMAIL` tries it again",
        )
    await connection.close()
    if _is_folder(route):
        return warning(
            "relay",
            f"mail goes to {route.name}, not to people",
            "set DIGESTD_TRANSPORT_URL to a relay, then `digestd send --test EMAIL`",
        )
    return ok("relay", f"{route.name} accepts connections and login")


async def _pages(client: httpx2.AsyncClient, url: str, settings: Settings) -> AsyncIterator[Diagnosis]:
    alive = await client.get(f"{url}/healthz")
    if alive.status_code != httpx2.codes.OK or alive.text != "ok":
        yield error(
            "web",
            f"{url}/healthz answers {alive.status_code}, not as digestd does",
            f"let the proxy pass all paths on, without redirect, password or bot check: try `curl -i {url}/healthz`",
        )
        return
    yield ok("web", f"{url} answers")
    yield await _one_click(client, f"{url}/u/{_NO_TOKEN}")
    if urlsplit(url).hostname in LOOPBACK:
        return
    for name in _OPERATORS_PAGES if not settings.metrics_public else ("admin",):
        answer = await client.get(f"{url}/{name}")
        if answer.status_code == httpx2.codes.OK:
            yield error(
                "web",
                f"{url}/{name} is open to everybody: the proxy hides that visitors are not on this machine",
                f"let the proxy set X-Forwarded-For and pass on Host; `curl -i {url}/{name}` must be refused",
            )


async def _one_click(client: httpx2.AsyncClient, url: str) -> Diagnosis:
    """Try one-click unsubscribe (RFC 8058) with an invalid token: a page for GET, the same refusal for POST."""
    shown, acted = await client.get(url), await client.post(url, data={"List-Unsubscribe": "One-Click"})
    if {shown.status_code, acted.status_code} == {httpx2.codes.NOT_FOUND}:
        return ok("web", "one-click unsubscribe reaches digestd")
    return error(
        "web",
        f"one-click unsubscribe may not work: GET answers {shown.status_code} and POST {acted.status_code}, both "
        "should be 404 for an invalid link",
        f"let the proxy pass POST below /u/, without redirect, password or bot check: `curl -i -d x=1 {url}`",
    )


async def _offset(client: httpx2.AsyncClient, url: str, clock: Callable[[], datetime]) -> float | None:
    """Return by how many seconds a server's clock is ahead of ours; None if it does not say."""
    began, start = clock(), time.monotonic()
    with suppress(httpx2.HTTPError, ValueError, TypeError):
        answer = await client.head(url)
        took = time.monotonic() - start
        date = parsedate_to_datetime(answer.headers["Date"])
        return date.timestamp() + 0.5 - (began.timestamp() + took / 2)  # the header is cut to whole seconds
    return None


async def _host(host: str, port: int, name: str) -> Diagnosis | None:
    try:
        async with asyncio.timeout(HTTP_SECONDS):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError) as problem:
        why = getattr(problem, "strerror", None) or "no answer"
        return warning(
            "sources", f"{host} cannot be reached: {why}", f"check the network; `digestd source check {name}` tries it"
        )
    writer.close()
    return None
