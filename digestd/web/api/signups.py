"""Accept sign-ups from a form on the operator's website."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from digestd.domain.mail_budget import token_causer
from digestd.domain.subscriber import Cause, ConsentAction
from digestd.security.tokens import Scope
from digestd.store.integrations import ApiToken
from digestd.subscribers.signup import request_signup
from digestd.subscribers.subscriber_record import parse
from digestd.web.api.auth import SignupCount, needs
from digestd.web.api.shapes import SignUp
from digestd.web.dependencies import Db, Notices, Now
from digestd.web.guards import answer_in_constant_time

Signer = Annotated[ApiToken, Depends(needs(Scope.SIGNUP, Scope.WRITE))]
router = APIRouter(prefix="/signups", tags=["signups"])


@router.post("", status_code=202, response_class=Response)
async def sign_up(form: SignUp, token: Signer, limit: SignupCount, db: Db, notices: Notices, now: Now) -> None:
    """Sign somebody up. They get a mail to confirm, and the answer is the same for every address.

    Requests come from the website's network, so the limit of the token applies instead of the network's.
    """
    given = {name: value for name, value in form.model_dump(mode="json").items() if value != []}
    record, causer = parse(given), token_causer(token.key)  # an empty list keeps the interests of a known address
    limit.check(token, now)
    await answer_in_constant_time(partial(request_signup, db, notices, record, now, ConsentAction(Cause.API), causer))
