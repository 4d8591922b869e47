"""Logs: structlog to stderr, for people or as JSON. No address, token or secret is ever logged."""

import logging
import sys
from typing import Any

import stamina.instrumentation
import structlog

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_QUIET = ("apscheduler", "httpx2", "httpcore2", "uvicorn", "asyncio", "stamina")
"""Libraries whose routine messages tell an operator nothing."""


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
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(_LEVELS[level])
    stamina.instrumentation.set_on_retry_hooks([])
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
