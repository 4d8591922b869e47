"""Test lookups of single papers at the registries."""

import pytest

from digestd.domain.paper import PaperId, paper_id
from digestd.domain.reference import REGISTRY_LABELS
from digestd.fetching.paper_lookup import RegistryReader
from digestd.sources.registries import REGISTRIES
from digestd.store import rate_limits
from tests.lookups.registry_server import ABSTRACT, DATA, FORUM, LAKES, PONDS, RIVERS, TITLES, Registries


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("2611.00001v3", LAKES),
        ("https://arxiv.org/abs/2611.00001", LAKES),
        ("https://huggingface.co/papers/2611.00001", LAKES),
        ("https://doi.org/10.5555/Ponds", PONDS),
        ("https://openreview.net/forum?id=Inv3nted_x&noteId=y", FORUM),
        ("https://openreview.net/pdf?id=Inv3nted_x", FORUM),
    ],
)
def test_paper_id_accepts_what_people_paste(typed: str, name: str) -> None:
    assert paper_id(typed) == name


def test_labels_name_each_registry() -> None:
    found = {scheme: tuple(dict.fromkeys(one.label for one in each)) for scheme, each in REGISTRIES.items()}
    assert found == REGISTRY_LABELS


async def test_look_up_finds_papers_of_every_registry(reader: RegistryReader) -> None:
    found = await reader.look_up(map(PaperId, TITLES))
    assert {name: result.sighting and result.sighting.words.title for name, result in found.items()} == TITLES
    assert {result.sighting and result.sighting.words.abstract for result in found.values()} == {ABSTRACT}
    data = found[PaperId(DATA)].sighting
    assert data
    assert data.words.authors == ("Ann Example", "The Frozen Lakes Consortium")


async def test_look_up_asks_arxiv_once_for_many_papers(reader: RegistryReader, registries: Registries) -> None:
    await reader.look_up([PaperId(LAKES), PaperId(RIVERS)])
    assert registries.asked == ["/api/query?id_list=2611.00001%2C2611.00002&max_results=2"]


async def test_look_up_says_unknown_only_if_all_registries_do(reader: RegistryReader, registries: Registries) -> None:
    registries.has.clear()
    names = [PaperId(name) for name in TITLES]
    assert {result.state for result in (await reader.look_up(names)).values()} == {"unknown"}
    registries.down = 503
    assert {result.state for result in (await reader.look_up(names)).values()} == {"failed"}


async def test_look_up_of_malformed_id_spoils_no_other(reader: RegistryReader) -> None:
    bad = PaperId("arxiv:2699.00001")
    found = await reader.look_up([PaperId(LAKES), bad, PaperId(RIVERS)])
    assert [found[PaperId(name)].state for name in (LAKES, bad, RIVERS)] == [None, "unknown", None]


async def test_failed_lookups_leave_ingest_alone(reader: RegistryReader, registries: Registries) -> None:
    """Circuit breakers count lookups separately."""
    registries.down = 500
    for _ in range(4):
        await reader.look_up([PaperId(PONDS)])
    with reader.db.read() as session:
        states = {state.host: state.failures for state in rate_limits.hosts(session) if state.failures}
    assert list(states) == [f"127.0.0.1:{registries.site.port} (lookups)"]


async def test_look_up_quotes_identifiers_in_addresses(reader: RegistryReader, registries: Registries) -> None:
    await reader.look_up([PaperId("doi:10.5555/../../x?y#z&a=/..")])
    assert registries.asked[0] == "/works/10.5555%2F..%2F..%2Fx%3Fy%23z%26a%3D%2F.."
