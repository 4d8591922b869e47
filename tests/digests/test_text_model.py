"""Test the text model.

Stored, refitted in the background, replaced only when complete.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import event, select, update

from digestd.digests import text_model as text_model_module
from digestd.digests.text_model import is_refit_due, refit_in_subprocess, refit_text_model, text_model
from digestd.jobs.chores import Chores
from digestd.ranking.model import dumps, fit
from digestd.store import core, text_models
from digestd.store.text_models import MODELS_KEPT, FittedModel
from tests.support import sample_data
from tests.support.install import Install, install

WEEK = timedelta(days=8)


def in_force(made: Install) -> FittedModel:
    with made.db.read() as session:
        newest = text_models.newest(session)
    assert newest is not None
    return newest


def whole(made: Install) -> int:
    """Count the stored models that still have their data."""
    with made.db.read() as session:
        return sum(bool(row.data) for row in session.connection().execute(select(core.text_model.c.data)))


@pytest.fixture
def fresh(tmp_path: Path, database_url: str, now: datetime) -> Iterator[Install]:
    """Return an install without papers."""
    made = install(tmp_path, database_url, now)
    yield made
    made.db.close()


@pytest.fixture
def large(fresh: Install, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Return an install with a larger archive than planning fits by itself."""
    fresh.papers(sample_data.papers(60))
    monkeypatch.setattr(text_model_module, "MAX_INLINE_TEXTS", 20)
    return fresh


def test_text_model_of_a_new_install_is_fitted_on_today(fresh: Install) -> None:
    assert text_model(fresh.db, fresh.clock.now).size == 0
    fresh.papers(sample_data.papers(3))
    assert text_model(fresh.db, fresh.clock.now).size == 3
    assert not is_refit_due(fresh.db, fresh.clock.now)


def test_text_model_is_stored_and_reused(bare: Install) -> None:
    first = text_model(bare.db, bare.clock.now)
    assert text_model(bare.db, bare.clock.now).version == first.version


def test_text_model_is_fitted_once_by_concurrent_callers(bare: Install) -> None:
    bare.papers(sample_data.papers(400))
    asked: list[str] = []
    event.listen(bare.db.engine, "before_cursor_execute", lambda *given: asked.append(str(given[2])))
    with ThreadPoolExecutor(3) as together:
        found = list(together.map(lambda _: text_model(bare.db, bare.clock.now), range(3)))
    assert len({model.version for model in found}) == 1
    assert len([one for one in asked if "INSERT INTO text_model" in one]) == 1


def test_plan_fits_small_models_only(large: Install) -> None:
    assert text_model(large.db, large.clock.now).size == 20
    assert is_refit_due(large.db, large.clock.now)
    refit_text_model(large.db, large.clock.now + timedelta(minutes=1))
    assert text_model(large.db, large.clock.now).size == 60
    assert not is_refit_due(large.db, large.clock.now + timedelta(minutes=2))


def test_plan_uses_the_current_model_until_refitted(large: Install) -> None:
    refit_text_model(large.db, large.clock.now)
    before = in_force(large).version
    large.papers(sample_data.papers(90))
    assert is_refit_due(large.db, large.clock.now)
    assert text_model(large.db, large.clock.now).version == before


def test_outgrown_after_a_week_with_new_papers(large: Install) -> None:
    refit_text_model(large.db, large.clock.now)
    assert not is_refit_due(large.db, large.clock.now + WEEK)
    large.papers(sample_data.papers(61))
    assert not is_refit_due(large.db, large.clock.now)
    assert is_refit_due(large.db, large.clock.now + WEEK)


def test_outgrown_every_week_if_the_archive_is_full(large: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_model_module, "MAX_TEXTS", 50)
    refit_text_model(large.db, large.clock.now)
    assert in_force(large).papers == 50
    assert not is_refit_due(large.db, large.clock.now)
    assert is_refit_due(large.db, large.clock.now + WEEK)


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


def test_refit_in_subprocess_replaces_the_model(large: Install) -> None:
    text_model(large.db, large.clock.now)
    assert refit_in_subprocess(large.db, large.clock.now + timedelta(minutes=1), lambda: True)
    assert in_force(large).papers == 60


async def test_scheduler_refits_an_outgrown_model(large: Install) -> None:
    chores = Chores(large.app)
    await chores.refit()
    first = in_force(large)
    await chores.refit()
    assert in_force(large) == first
    assert first.papers == 60


def test_refit_killed_midway_keeps_the_old_model(large: Install) -> None:
    before = dumps(text_model(large.db, large.clock.now))
    assert not refit_in_subprocess(large.db, large.clock.now + WEEK, lambda: False)
    with large.db.read() as session:
        assert text_models.data(session, in_force(large).version) == before


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
        text_models.add(session, fitted, dumps(model))


def _of_form(data: bytes, form: int) -> bytes:
    with np.load(BytesIO(data)) as parts:
        out = BytesIO()
        np.savez(out, allow_pickle=False, **{**dict(parts), "form": np.int64(form)})
        return out.getvalue()


def _store(made: Install, data: bytes) -> None:
    """Store a model as another release would have: other data under another version."""
    with made.db.write() as session:
        session.connection().execute(update(core.text_model).values(data=data, version="0" * 16))
