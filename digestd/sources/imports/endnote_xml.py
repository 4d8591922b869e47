"""EndNote XML: `<xml><records><record>…`; texts are wrapped in `<style>`. EndNote publishes a DTD with its program."""

from xml.etree.ElementTree import Element

from digestd.domain.paper import Sighting
from digestd.sources.dates import written_date
from digestd.sources.identifiers import find_doi, find_noted_doi, parse_identifier
from digestd.sources.imports.identifiers import make_reference
from digestd.sources.imports.xml_records import read_xml, root_name
from digestd.sources.source import Page
from digestd.sources.xml_elements import text_of
from digestd.text.people import natural_name


def matches(text: str) -> bool:
    """Return True if the root element is EndNote's and records follow."""
    return root_name(text) in {"xml", "records"} and "<record" in text


def read(text: str) -> Page:
    """Parse the records. Raises SourceFailed if there are none."""
    return read_xml(text, frozenset({"xml", "records"}), "record", _sighting, "EndNote")


def _sighting(record: Element) -> Sighting:
    days = [text_of(record.find("dates/pub-dates/date")), text_of(record.find("dates/year"))]
    addresses = [text_of(url) for url in record.iterfind("urls//url")]
    return make_reference(
        text_of(record.find("titles/title")),
        text_of(record.find("abstract")),
        [natural_name(text_of(author)) for author in record.iterfind("contributors/authors/author")],
        [
            text_of(record.find("periodical/full-title")) or text_of(record.find("titles/secondary-title")),
            *(text_of(word) for word in record.iterfind("keywords/keyword")),
        ],
        [
            find_doi(text_of(record.find("electronic-resource-num"))),
            *(parse_identifier(address) for address in addresses),
            find_noted_doi(text_of(record.find("notes"))),
        ],
        written_date(" ".join(days)) or written_date(days[1]),
    )
