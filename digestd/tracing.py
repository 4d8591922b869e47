"""Report errors to Sentry, and what takes how long to an OpenTelemetry collector.

Both are optional: their packages are the extras `digestd[sentry]` and `digestd[traces]`. Neither is ever sent an
address, a token, or the text of an exception, which may hold one.
"""

import contextlib
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from digestd.errors import BadSetting

if TYPE_CHECKING:
    from fastapi.telemetry import TelemetryConfig
    from opentelemetry.sdk.trace.export import SpanExporter

OTLP_SETTINGS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
"""OpenTelemetry's own settings for where spans go; without either there are none."""
NO_TELEMETRY: "TelemetryConfig" = {"tracing": False, "metrics": False, "logs": False}
"""For FastAPI, whose own spans and logs hold URLs and texts: our links carry tokens."""
_tracers: list[Any] = []
"""The tracer of this process, once one was configured."""


def configure(sentry_dsn: str, exporter: "SpanExporter | None" = None) -> None:
    """Start reporting from this process.

    Args:
        sentry_dsn: the project at Sentry; nothing is reported if it is empty.
        exporter: where spans go, instead of where OpenTelemetry's settings say.

    Raises:
        BadSetting: it is asked for, but its package is not installed.
    """
    if sentry_dsn:
        _configure_sentry(sentry_dsn)
    if exporter is not None or any(os.environ.get(name) for name in OTLP_SETTINGS):
        _configure_traces(exporter)


@contextlib.contextmanager
def span(name: str, **attributes: str | int) -> Iterator[None]:
    """Time a block as a span, if spans are exported; attributes hold names and counts only."""
    if not _tracers:
        yield
        return
    with _tracers[0].start_as_current_span(name, attributes=attributes, record_exception=False):
        yield


def _configure_sentry(dsn: str) -> None:
    try:
        import sentry_sdk
        from sentry_sdk.integrations.fastapi import FastApiIntegration
        from sentry_sdk.integrations.starlette import StarletteIntegration
    except ImportError as error:
        raise BadSetting("DIGESTD_SENTRY_DSN: needs the extra: pip install 'digestd[sentry]'") from error
    sentry_sdk.init(
        dsn=dsn,
        auto_enabling_integrations=False,  # others import what this process may not use, and read along
        integrations=[StarletteIntegration(), FastApiIntegration()],
        send_default_pii=False,
        include_local_variables=False,
        include_source_context=True,
        max_request_body_size="never",
        max_breadcrumbs=0,
        before_send=_without_texts,
    )


def _without_texts(event: Any, _hint: Any) -> Any:
    """Return an event of Sentry without what may name a person: texts of exceptions, requests and the command line."""
    for name in ("request", "user", "extra", "breadcrumbs", "server_name"):
        event.pop(name, None)
    for exception in event.get("exception", {}).get("values", []):
        exception.pop("value", None)
    if "logentry" in event:
        event["logentry"] = {"message": event["logentry"].get("message", "").partition(" ")[0]}
    return event


def _configure_traces(exporter: "SpanExporter | None") -> None:
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
    except ImportError as error:
        raise BadSetting(f"{OTLP_SETTINGS[0]}: needs the extra: pip install 'digestd[traces]'") from error
    name = os.environ.get("OTEL_SERVICE_NAME", "digestd")
    provider = TracerProvider(resource=Resource.create({"service.name": name}))
    provider.add_span_processor(SimpleSpanProcessor(exporter) if exporter else BatchSpanProcessor(OTLPSpanExporter()))
    _tracers[:] = [provider.get_tracer("digestd")]
