"""Test the text model that planning ranks with: fitted by itself if there is none, stored, versioned."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import BytesIO

import numpy as np
import pytest
from sqlalchemy import event, select, update

from digestd.digests import text_model as fitting
from digestd.digests.text_model import text_model
from digestd.ranking.model import dumps, fit
from digestd.store import core
from digestd.store.ranking import text_models
from digestd.store.ranking.text_models import MODELS_KEPT, FittedModel
from tests.digests.one_engine import database_url  # noqa: F401  # a fixture
from tests.support import sample_data
from tests.support.install import Install

WEEK = timedelta(days=8)


def in_force(made: Install) -> FittedModel:
    with made.db.read() as session:
        used = text_models.in_use(session)
    assert used is not None
    return used


def whole(made: Install) -> int:
    """Count the stored models that still have their data."""
    with made.db.read() as session:
        return sum(bool(row.data) for row in session.connection().execute(select(core.text_model.c.data)))


def test_text_model_of_a_new_install_is_fitted_on_today(fresh: Install) -> None:
    assert text_model(fresh.db, fresh.clock.now).size == 0
    fresh.papers(sample_data.papers(3))
    assert text_model(fresh.db, fresh.clock.now).size == 3


def test_text_model_is_stored_and_reused(bare: Install) -> None:
    first = text_model(bare.db, bare.clock.now)
    assert text_model(bare.db, bare.clock.now).version == first.version


def test_text_model_is_fitted_once_by_concurrent_callers(bare: Install) -> None:
    bare.papers(sample_data.papers(100))
    asked: list[str] = []
    event.listen(bare.db.engine, "before_cursor_execute", lambda *given: asked.append(str(given[2])))
    with ThreadPoolExecutor(3) as together:
        found = list(together.map(lambda _: text_model(bare.db, bare.clock.now), range(3)))
    assert len({model.version for model in found}) == 1
    assert len([one for one in asked if "INSERT INTO text_model" in one]) == 1


def test_plan_keeps_a_model_that_is_large_enough(fresh: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "FEW_TEXTS", 20)
    fresh.papers(sample_data.papers(20))
    first = text_model(fresh.db, fresh.clock.now)
    fresh.papers(sample_data.papers(20, first=10_000))
    assert text_model(fresh.db, fresh.clock.now + WEEK).version == first.version


def test_text_model_of_another_format_is_refitted(bare: Install) -> None:
    model = text_model(bare.db, bare.clock.now)
    _store(bare, _of_form(dumps(model), 1))
    again = text_model(bare.db, bare.clock.now + WEEK)
    assert again.version == model.version
    assert in_force(bare).version == model.version


def test_text_model_with_damaged_data_is_refitted(bare: Install) -> None:
    model = text_model(bare.db, bare.clock.now)
    with bare.db.write() as session:
        session.connection().execute(update(core.text_model).values(data=b"half a mod"))
    assert dumps(text_model(bare.db, bare.clock.now)) == dumps(model)


def test_digest_records_the_model_that_ranked_it(library_of: Install) -> None:
    library_of.people([{"email": "ada@example.net", "topics": [sample_data.vocabulary()[0][0]]}])
    assert library_of.plan().planned == 1
    used = in_force(library_of)
    with library_of.db.read() as session:
        delivery = session.connection().execute(select(core.delivery.c.id)).scalar_one()
    for n in range(MODELS_KEPT + 2):
        _fit(library_of, f"Lakes of kind {chr(97 + n) * 3}", n + 1)
    with library_of.db.read() as session:
        assert text_models.of_delivery(session, delivery) == used
    assert whole(library_of) == MODELS_KEPT


def test_text_model_refitted_after_pruning_is_complete(bare: Install) -> None:
    for n in [*range(MODELS_KEPT + 1), 0]:
        _fit(bare, f"Lakes of kind {chr(97 + n) * 3}", n if n else MODELS_KEPT + 2)
    newest = in_force(bare)
    with bare.db.read() as session:
        assert text_models.data(session, newest.version) == dumps(fit(["Lakes of kind aaa"]))


def _fit(made: Install, text: str, days: int) -> None:
    model = fit([text])
    with made.db.write() as session:
        fitted = FittedModel(model.version, made.clock.now + timedelta(days=days), 1)
        text_models.prepare(session, fitted, dumps(model))
        text_models.use(session, model.version, fitted.fitted)


def _of_form(data: bytes, form: int) -> bytes:
    with np.load(BytesIO(data)) as parts:
        out = BytesIO()
        np.savez(out, allow_pickle=False, **{**dict(parts), "form": np.int64(form)})
        return out.getvalue()


def _store(made: Install, data: bytes) -> None:
    """Store a model as another release would have: other data under another version."""
    with made.db.write() as session:
        session.connection().execute(update(core.text_model).values(data=data, version="0" * 16))
