"""The text model in use: kept, and fitted anew when it is of an earlier release."""

from io import BytesIO

import numpy as np
from sqlalchemy import update

from digestd.plan.model import text_model
from digestd.ranking.model import dumps
from digestd.store import core, models
from tests.parts.install import Install


def test_a_fitted_model_is_kept_and_used_again(bare: Install) -> None:
    first = text_model(bare.db, bare.clock.now)
    assert text_model(bare.db, bare.clock.now).version == first.version


def test_a_model_of_another_form_is_fitted_anew_and_replaced(bare: Install) -> None:
    model = text_model(bare.db, bare.clock.now)
    _store(bare, _of_form(dumps(model), 1))
    again = text_model(bare.db, bare.clock.now)
    assert again.size == model.size
    with bare.db.read() as session:
        newest = models.newest(session)
        assert newest is not None
        assert models.data(session, newest.version) == dumps(again)


def _of_form(data: bytes, form: int) -> bytes:
    with np.load(BytesIO(data)) as parts:
        out = BytesIO()
        np.savez(out, allow_pickle=False, **{**dict(parts), "form": np.int64(form)})
        return out.getvalue()


def _store(install: Install, data: bytes) -> None:
    """As another release would have left it: other bytes under a name of its own."""
    with install.db.write() as session:
        session.connection().execute(update(core.text_model).values(data=data, version="0" * 16))
