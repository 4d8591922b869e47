"""Log with structlog to stderr, for people or as JSON.

No address, token or secret is ever logged.

An exception is logged by its type and locations in the code: its text and the values on the stack may contain
personal
data. Log values cannot break lines or send control sequences to a terminal.
"""

import logging
import sys
import traceback
from collections.abc import Callable, MutableMapping, Sequence
from types import TracebackType
from typing import Any, TypeVar

import stamina.instrumentation
import structlog

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_QUIET = {
    "alembic.runtime.migration": logging.WARNING,
    "apscheduler": logging.ERROR,
    "procrastinate": logging.ERROR,
    "psycopg.pool": logging.ERROR,
    "httpx2": logging.WARNING,
    "httpcore2": logging.WARNING,
    "uvicorn": logging.CRITICAL,  # digestd reports its errors itself
    "asyncio": logging.WARNING,
    "mcp": logging.CRITICAL,  # logs what clients send
    "stamina": logging.WARNING,
    "mail.log": logging.CRITICAL,  # aiosmtpd logs the lines of mails
    "flufl.bounce": logging.CRITICAL,  # logs the text of malformed mails
}
"""Libraries whose routine messages are useless to operators."""
_MAX_FRAMES = 6
T = TypeVar("T")


def configure(format_: str, level: str) -> None:
    """Set up logging for this process: `format_` is `console` or `json`."""
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if format_ == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), sort_keys=False)
    )
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _redact_exception,
                _replace_unprintable,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(_LEVELS[level])
    stamina.instrumentation.set_on_retry_hooks([])
    for name, least in _QUIET.items():
        logging.getLogger(name).setLevel(least)


def found_or_none(what: str, find: Callable[[], Sequence[T]]) -> Sequence[T]:
    """Return what `find` finds; nothing if it fails, which is logged: for what only goes with an answer."""
    try:
        return find()
    except Exception as fault:
        places = stack_locations(fault.__traceback__)
        structlog.get_logger(__name__).error(f"cannot find {what}", kind=type(fault).__name__, places=places)
        return ()


def stack_locations(trace: TracebackType | None) -> list[str]:
    """Return file, line and function of the innermost frames of a traceback."""
    frames = traceback.extract_tb(trace)[-_MAX_FRAMES:]
    return [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames]


def _redact_exception(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace an exception by its type and stack locations."""
    info = event.pop("exc_info", None)
    if isinstance(info, BaseException):
        info = (type(info), info, info.__traceback__)
    elif info is True:
        info = sys.exc_info()
    if isinstance(info, tuple) and info[0] is not None:
        event["kind"] = info[0].__name__
        event["places"] = stack_locations(info[2])
    return event


def _replace_unprintable(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace unprintable characters in texts by spaces.

    `repr` escapes them inside other values.
    """
    for name, value in event.items():
        if isinstance(value, str) and not value.isprintable():
            event[name] = "".join(letter if letter.isprintable() else " " for letter in value)
    return event
