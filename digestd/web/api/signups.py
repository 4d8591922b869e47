"""Sign-ups: what a form on the operator's own website may send, and nothing else."""

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from digestd.app import App
from digestd.domain.api import Scope
from digestd.domain.subscriber import Cause
from digestd.subscribe import Asked, ask, parse
from digestd.web.api.auth import needs
from digestd.web.api.shapes import SignUp
from digestd.web.evenly import evenly
from digestd.web.limiter import Limits
from digestd.web.trace import act


def router(app: App, limits: Limits) -> APIRouter:
    """The routes of this file."""
    routes = APIRouter(prefix="/signups", tags=["signups"])

    @routes.post("", status_code=202, response_class=Response, dependencies=[Depends(needs(Scope.SIGNUP, Scope.WRITE))])
    def sign_up(request: Request, form: SignUp) -> None:
        """Sign somebody up as the form on the front page does: the same limits, and the same answer for everybody."""
        now, asked = app.clock(), _asked(form)
        limits.check(request, now)
        with evenly():
            ask(app.db, app.post, asked, now, act(app, request, Cause.API))

    return routes


def _asked(form: SignUp) -> Asked:
    """Return what a form asks for. Raises BadRecord."""
    record = parse(form.model_dump(mode="json"))
    wanted = record.new
    return Asked(record.address, wanted.timing, wanted.interests, wanted.language, wanted.size)
