"""Post one message to a chat room by apprise, in a process of its own.

A room's answer is hostile input. Only this process reads it: with no environment, no files, little memory, and killed
when the answer takes too long (see `chat_rooms`). What it says to its parent is one short line.

The address of a room is a URL of apprise, for a service that takes messages over HTTP. Earlier versions had forms of
their own (`slack+https://…`), which `apprise_url` converts.
"""

import logging
import re
import resource
import socket
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import quote, unquote, urlsplit

from digestd.errors import BadInput
from digestd.text.sanitise import clean

if TYPE_CHECKING:
    from apprise.plugins.base import NotifyBase

CHAT_USE = "chat"
"""The use under which the addresses of rooms are encrypted."""
SUBSCRIBERS_OWN = "#public"
"""Ends the stored URL of a room that a subscriber or a program entered in an earlier version."""
URL_MAX = 1_000
MESSAGES_MAX = 4
"""Messages of one digest: services have their own limits of length."""
WHY_MAX = 150
LABEL_MAX = 300
READY, POSTED, REFUSED, LOST = "ready", "posted", "refused", "lost"
"""The words of this process: its address can be used; the room took all messages, none of them, or it is unknown."""
_MEMORY_MAX = 1_000_000_000
_ANSWER_MAX = 64 * 1024
_PAUSE = 1.0
"""Seconds between the messages of one digest."""
_SERVICES = (
    "bale bark,barks bluesky,bsky chanify cliq,zcliq,zohocliq custom_form=form,forms custom_json=json,jsons "
    "custom_xml=xml,xmls dingtalk discord feishu flock fluxer,fluxers google_chat=gchat gotify,gotifys groupme guilded "
    "home_assistant=hassio,hassios humhub,humhubs join kook lametric,lametrics lark line mastodon,mastodons,toot,toots "
    "matrix,matrixs mattermost=mmost,mmosts misskey,misskeys nextcloud=ncloud,nclouds nextcloudtalk=nctalk,nctalks "
    "notica,noticas notifiarr notifico,notificos ntfy,ntfys onebot,onebots pushbullet=pbul pushdeer,pushdeers pushed "
    "pushme pushover=pover pushplus,wecom pushsafer=psafer,psafers pushy qq revolt ringcentral=ringc "
    "rocketchat=rocket,rockets ryver serverchan=schan signal_api=signal,signals simplepush,spush slack spugpush "
    "stackfield streamlabs=strmlabs synology,synologys techuluspush=push telegram=tgram threema twist viber "
    "webexteams=webex,wxteams wechat wecombot whatsapp workflows,workflow wxpusher zalo zoom zulip"
)
"""The modules of apprise.plugins that digestd loads, and the schemes of their URLs. All post over HTTP: none runs a
program, writes to a file, a log or a desktop, or sends mail or SMS."""
MODULES = {
    scheme: entry.partition("=")[0].partition(",")[0]
    for entry in _SERVICES.split()
    for scheme in entry.rpartition("=")[2].split(",")
}
_LOOPBACK = frozenset({"", "127.0.0.1", "::1", "localhost"})
EXAMPLES = "slack://TOKEN_A/TOKEN_B/TOKEN_C, mmosts://chat.example.org/KEY or ntfys://ntfy.sh/papers"


def open_room(url: str) -> "NotifyBase":
    """Return apprise's service for the URL of a room.

    Raises:
        BadInput: says what is wrong without quoting the URL, which holds secrets.
    """
    from apprise import AppriseAsset, NotifyFormat, OverflowMode  # noqa: PLC0415  # takes 0.2 s

    logging.getLogger("apprise").disabled = True  # it quotes URLs
    scheme = url.partition("://")[0].lower()
    if not url.isprintable() or " " in url or len(url) > URL_MAX:
        _refuse("it contains a blank or a control character, or is too long")
    if scheme not in MODULES:
        _refuse(f"it must be a URL of apprise for a service over HTTP, as in {EXAMPLES}")
    kind = _service(MODULES[scheme], scheme)
    asset = AppriseAsset(
        app_id="digestd", app_url="", image_url_mask="", image_path_mask="", image_url_logo="", http_redirects=False
    )
    try:
        parsed = kind.parse_url(url) or {}
        room = kind(asset=asset, **parsed)
    except Exception:  # of whatever kind apprise raises for a URL that it cannot use
        _refuse(f"apprise cannot use it as an address of {kind.service_name}; its documentation shows the form")
    if not room.secure and _server(room) not in _LOOPBACK:
        _refuse("it would send its secrets unencrypted; use the scheme for https")
    if "template" in parsed.get("qsd", {}):
        _refuse("digestd writes the message itself; remove the parameter template")
    room.redirects, room.optional, room.service_retry = False, False, 0
    room.overflow_mode, room.notify_format = OverflowMode.SPLIT, room.notify_format or NotifyFormat.TEXT
    room.request_rate_per_sec = min(room.request_rate_per_sec, _PAUSE)
    return room


def room_label(room: "NotifyBase") -> str:
    """Return the name of a room for people, without secrets."""
    host = _server(room)
    return clean(f"{room.service_name} at {host}" if host else str(room.service_name), LABEL_MAX)


def apprise_url(url: str) -> str:
    """Return the URL of apprise for the address of a room, which may have a form of an earlier version.

    Raises:
        BadInput: There is none.
    """
    form, plus, web = url.partition("+")
    if not plus or form not in _CONVERTED:
        return url
    try:
        parts = urlsplit(web)
        scheme, host = parts.scheme, parts.netloc.rpartition("@")[2]
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
    except ValueError:
        _refuse("it cannot be read as a URL")
    if scheme not in {"http", "https"} or not host:
        _refuse(f"it must be a URL of apprise, as in {EXAMPLES}")
    return _CONVERTED[form]("s" if scheme == "https" else "", host, parts.path, (user, password))


def _slack(secure: str, host: str, path: str, _login: tuple[str, str]) -> str:
    """Convert an incoming webhook of Slack, or of a chat that takes the same `{"text": …}`."""
    if found := re.fullmatch(r"/api(?:/v\d+)?/webhooks/(\d+)/([\w-]+)/slack", path):
        return f"discord://{found[1]}/{found[2]}"
    return f"json{secure}://{host}{path}?:message=text&:version=&:title=&:type=&:attachments="


def _matrix(secure: str, host: str, path: str, login: tuple[str, str]) -> str:
    return (
        f"matrix{secure}://{quote(login[0], safe='')}@{host}/{quote(unquote(path[1:]), safe='!:')}?discovery=no&e2ee=no"
    )


def _telegram(_secure: str, host: str, path: str, login: tuple[str, str]) -> str:
    if host != "api.telegram.org":
        _refuse("apprise posts to api.telegram.org only; use a bot there, as in tgram://123456:ABC/-100123")
    return f"tgram://{login[0]}:{login[1]}{path}"


def _ntfy(secure: str, host: str, path: str, login: tuple[str, str]) -> str:
    return f"ntfy{secure}://{quote(login[0], safe='') + '@' if login[0] else ''}{host}{path}"


_CONVERTED: dict[str, Callable[[str, str, str, tuple[str, str]], str]] = {
    "slack": _slack,
    "matrix": _matrix,
    "telegram": _telegram,
    "ntfy": _ntfy,
}


def _refuse(why: str) -> NoReturn:
    raise BadInput(f"invalid chat URL: {why}")


def _service(module: str, scheme: str) -> "type[NotifyBase]":
    from apprise.plugins.base import NotifyBase  # noqa: PLC0415  # likewise

    for kind in vars(import_module(f"apprise.plugins.{module}")).values():
        if isinstance(kind, type) and issubclass(kind, NotifyBase):
            names = (getattr(kind, "protocol", None), getattr(kind, "secure_protocol", None))
            if any(scheme == name or (isinstance(name, tuple) and scheme in name) for name in names):
                return kind
    raise AssertionError(f"apprise has no service for {scheme}")


def _server(room: "NotifyBase") -> str:
    """Return the host that the operator named, or "" for a service of one company: secrets stand in its place."""
    host = str(room.host or "").strip("[]")
    forms: Sequence[str] = room.templates
    is_host = "." in host or ":" in host or host == "localhost"
    return host if is_host and any("{host}" in form for form in forms) else ""


# What runs in the process of its own


def main() -> None:
    """Read an address, say whether it can be used, read the texts to choose from, post one, and say what came out."""
    for limit, most in (
        (resource.RLIMIT_AS, _MEMORY_MAX),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, 20),
    ):
        resource.setrlimit(limit, (most, most))
    try:
        room = open_room(_read())
        requests = _watch_requests(_server(room))
    except BadInput as error:
        _say(REFUSED, str(error))
        return
    _say(READY)
    _say(*_post(room, requests, (_read(), _read())))


def _post(room: "NotifyBase", requests: list[str], texts: tuple[str, str]) -> tuple[str, str]:
    """Post the first of the texts that fits into MESSAGES_MAX messages, else the beginning of the last."""
    from apprise import Apprise, NotifyFormat  # noqa: PLC0415  # likewise

    most = MESSAGES_MAX * room.body_maxlen
    text = next((text for text in texts if len(text) <= most), texts[-1][:most])
    service = Apprise(asset=room.asset)
    service.add(room)
    try:
        is_posted = bool(service.notify(body=text, body_format=NotifyFormat.TEXT))
    except Exception as error:  # an answer that apprise did not expect
        return LOST, f"{type(error).__name__} while reading the answer"
    if is_posted:
        return POSTED, ""
    why = requests[-1] if requests else "apprise made no request"
    return REFUSED if all(map(_is_refusal, requests)) else LOST, why


def _is_refusal(request: str) -> bool:
    return request == _UNREACHABLE or request.startswith(("HTTP 3", "HTTP 4"))


_UNREACHABLE = "cannot connect"


def _watch_requests(server: str) -> list[str]:
    """Limit what apprise may ask and read; return a list to which the result of each request is added.

    Addresses that are not public are reached only on the server that the operator named, and never those of the link,
    where clouds keep credentials.
    """
    import requests  # noqa: PLC0415  # likewise
    from requests.adapters import HTTPAdapter  # noqa: PLC0415
    from urllib3.exceptions import NewConnectionError  # noqa: PLC0415

    from digestd.fetching.network import is_forbidden, is_public  # noqa: PLC0415

    found: list[str] = []
    look_up = socket.getaddrinfo

    def checked(host: Any, *arguments: Any, **named: Any) -> Any:
        addresses = look_up(host, *arguments, **named)
        for address in (ip_address(str(entry[4][0])) for entry in addresses):
            if is_forbidden(address) or not (host == server.lower() or is_public(address)):
                raise socket.gaierror(socket.EAI_FAIL, "redirects to a private address; refused")
        return addresses

    class OneAnswer(HTTPAdapter):
        def send(self, request: Any, **options: Any) -> Any:  # type: ignore[override]
            try:
                answer = super().send(request, **{**options, "stream": True, "timeout": None})
                answer._content = answer.raw.read(_ANSWER_MAX, decode_content=True)  # requests has no limit
            except requests.ConnectionError as error:
                why = getattr(error.args[0] if error.args else None, "reason", None)
                found.append(_UNREACHABLE if isinstance(why, NewConnectionError) else "no answer")
                raise
            except Exception:
                found.append("no answer")
                raise
            found.append(f"HTTP {answer.status_code}")
            answer.close()
            return answer

    socket.getaddrinfo = checked
    vars(requests.sessions)["HTTPAdapter"] = OneAnswer  # what every session uses
    return found


def _read() -> str:
    return sys.stdin.buffer.readline().decode().rstrip("\n").replace("\0", "\n")


def _say(word: str, why: str = "") -> None:
    sys.stdout.write(f"{word} {clean(why, WHY_MAX)}\n")
    sys.stdout.flush()
