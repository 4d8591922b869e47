"""Every anonymous request is cheap but previews, and previews do not stop other pages."""

from digestd.web import build
from tests.bench import anonymous_requests, pages, preview_flood
from tests.bench.pages_service import pages_service
from tests.bench.synthetic_data import synthetic_subscribers


def test_anonymous_requests_are_cheap_but_previews() -> None:
    with pages_service(60, 100, "none") as service:
        rows = anonymous_requests.measure(service, 1)
        all_routes = {f"{route.method} {route.path}" for route in anonymous_requests.routes(build(service.app))}
    assert {row["route"] for row in rows} == all_routes
    assert {"GET /", "POST /preview/picks", "POST /p/{token}/import", "GET /api/v1/papers"} <= all_routes
    busy = 2 * anonymous_requests.LIMIT_MS  # other tests run beside this one
    assert anonymous_requests.judged(rows, busy) == []


def test_flood_of_previews_is_measured() -> None:
    with pages_service(60, 100, "none") as service:
        found = preview_flood.measure(service, visitors=12, seconds=2)
    answers, flood = found["answers"], found["flood"]
    assert isinstance(answers, dict)
    assert isinstance(flood, dict)
    assert {"200"} < answers.keys() <= {"200", "429", "503"}
    assert flood["p50_ms"] < preview_flood.P99_MS


def test_pages_are_measured() -> None:
    with pages_service(60, 100, "none", synthetic_subscribers(3, 100, 2)) as service:
        found = pages.paths(service, 60, 3)
        assert all(pages.measure_cpu(service, found, 2).values())
        assert pages.measure_rate(service, found, 20, 1)["p50"] > 0
