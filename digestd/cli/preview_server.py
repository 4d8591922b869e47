"""preview --serve: a digest in the browser that follows changes of templates.

The papers are chosen once; the templates are read again for every request. The page asks twice a second whether they
have changed, and reloads its parts then.
"""

import asyncio
import re
from collections.abc import Callable

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, Response
from starlette.middleware.trustedhost import TrustedHostMiddleware

from digestd.app import App
from digestd.cli.messages import say
from digestd.cli.service import run_until_stopped
from digestd.cli.web import serve
from digestd.delivery.composer import Composer
from digestd.domain.delivery import Claim
from digestd.errors import BadSetting
from digestd.mail.templates import Templates
from digestd.tracing import NO_TELEMETRY
from digestd.web.connection_limits import server_config

HOST = "127.0.0.1"
"""This machine only: the links of the mail act for the subscriber."""


def serve_preview(app: App, composer: Composer, claim: Claim, port: int) -> None:
    """Serve a digest on this machine until the command is stopped."""
    web = build_preview(composer, claim, app.read_templates)
    say(f"the digest is at http://{HOST}:{port}/ and follows changes of the templates; Ctrl+C stops")
    asyncio.run(run_until_stopped(lambda stop: serve(server_config(web, HOST, port), stop, _REMEDY)))


def build_preview(composer: Composer, claim: Claim, read_templates: Callable[[], Templates]) -> FastAPI:
    """Return the application: a page with the mail in several widths, its text part, and what the lint finds."""
    web = FastAPI(openapi_url=None, telemetry=NO_TELEMETRY)
    # another site must not read the subscriber's links by a name that resolves to this machine
    web.add_middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])

    def current() -> Composer:
        composer.templates = read_templates().check()
        return composer

    @web.exception_handler(BadSetting)
    def show_error(_request: Request, error: Exception) -> Response:
        return PlainTextResponse(f"The templates have an error:\n\n{error}\n", status_code=500)

    @web.get("/")
    def page() -> Response:
        return HTMLResponse(_PAGE)

    @web.get("/version")
    def version() -> Response:
        return PlainTextResponse(read_templates().hash)

    @web.get("/{part}")
    def show(part: str) -> Response:
        return _PARTS[part](current(), claim) if part in _PARTS else Response(status_code=404)

    return web


def _html(composer: Composer, claim: Claim) -> Response:
    return HTMLResponse(composer.render(claim).html)


def _dark(composer: Composer, claim: Claim) -> Response:
    return HTMLResponse(_DARK_ONLY.sub("(min-width: 0)", composer.render(claim).html))


def _text(composer: Composer, claim: Claim) -> Response:
    return PlainTextResponse(composer.render(claim).text)


def _findings(composer: Composer, claim: Claim) -> Response:
    found = [f"{one.severity}: {one.rule}, {one.where}: {one.message}" for one in composer.lint(claim)]
    return PlainTextResponse("\n".join(found) or "no findings: the mail is ready to be sent")


_PARTS: dict[str, Callable[[Composer, Claim], Response]] = {
    "mail.html": _html,
    "dark.html": _dark,
    "mail.txt": _text,
    "lint.txt": _findings,
}
_DARK_ONLY = re.compile(r"\(prefers-color-scheme:\s*dark\)")
_REMEDY = "choose a free port with --port"
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Preview</title>
<style>
body { margin: 0; display: flex; flex-wrap: wrap; gap: 16px; padding: 16px; font: 14px/20px sans-serif; }
figure { margin: 0; }
iframe { height: 85vh; border: 1px solid #999; background: #fff; }
</style>
</head>
<body>
<figure><figcaption>680 pixels</figcaption><iframe src="/mail.html" width="680" title="Mail, wide"></iframe></figure>
<figure><figcaption>Dark</figcaption><iframe src="/dark.html" width="680" title="Mail, dark"></iframe></figure>
<figure><figcaption>360 pixels</figcaption><iframe src="/mail.html" width="360" title="Mail, narrow"></iframe></figure>
<figure><figcaption>Text part</figcaption><iframe src="/mail.txt" width="680" title="Text part"></iframe></figure>
<figure><figcaption>Lint</figcaption><iframe src="/lint.txt" width="680" title="Findings"></iframe></figure>
<script>
let shown;
setInterval(async () => {
  const version = await fetch("/version").then(answer => answer.text()).catch(() => shown);
  if (shown && version !== shown) document.querySelectorAll("iframe").forEach(frame => frame.src = frame.src);
  shown = version;
}, 500);
</script>
</body>
</html>
"""
