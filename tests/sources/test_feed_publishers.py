"""Test one entry of each form in which publishers write their feeds.

The forms were learned from public recordings and parsers of such feeds; the texts are invented.
"""

from dataclasses import dataclass
from datetime import date

import pytest

from digestd.domain.paper import Sighting
from digestd.errors import SourceFailed
from digestd.sources.feed import FeedSource

ABSTRACT = "Lakes freeze from above, as cold water sinks only down to four degrees."
TITLE = "Why lakes freeze from above"
_SPACES = (
    'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:prism="http://prismstandard.org/namespaces/basic/2.0/" '
    'xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:arxiv="http://arxiv.org/schemas/atom"'
)


@dataclass(frozen=True)
class Form:
    """An entry, and what is expected of it.

    `dialect`: rdf, rss or atom.
    """

    dialect: str
    link: str
    fields: str
    doi: str
    title: str = TITLE
    authors: tuple[str, ...] = ("Ann Rue", "Bo Li")
    abstract: str = ABSTRACT
    day: date | None = date(2026, 11, 20)


def _creators(*names: str) -> str:
    return "".join(f"<dc:creator>{name}</dc:creator>" for name in names)


def _cdata(html: str, tag: str = "description") -> str:
    return f"<{tag}><![CDATA[{html}]]></{tag}>"


TWO = _creators("Ann Rue", "Bo Li")
DAY = "<dc:date>2026-11-20</dc:date>"
POSTED = "<pubDate>Fri, 20 Nov 2026 08:00:00 GMT</pubDate>"
NAMED = f"<title>{TITLE}</title>"


def _atypon(journal: str, doi: str, rest: str = f"<br/>{ABSTRACT}") -> str:
    cited = f"{journal}, Volume 12, Issue 3, Page 45-67, November 2026. {rest}"
    return (
        f"{NAMED}{_cdata(cited)}{_cdata(cited, 'content:encoded')}<dc:identifier>doi:{doi}</dc:identifier>"
        f"<dc:source>{journal}</dc:source><dc:date>2026-11-20T08:00:00Z</dc:date>{TWO}<prism:doi>{doi}</prism:doi>"
    )


FORMS = {
    "bioRxiv": Form(
        "rdf",
        "https://www.biorxiv.org/content/10.64898/2026.11.20.700001v1?rss=1",
        f"<title><![CDATA[ {TITLE} ]]></title>{_cdata(f' {ABSTRACT} ')}"
        f"<dc:creator><![CDATA[ Rue, A., van der Li, B. C., Doe, D., Jr. ]]></dc:creator>{DAY}"
        "<dc:identifier>doi:10.64898/2026.11.20.700001</dc:identifier>",
        "10.64898/2026.11.20.700001",
        authors=("A. Rue", "B. C. van der Li", "D. Doe Jr."),
    ),
    "medRxiv": Form(
        "rdf",
        "https://www.medrxiv.org/content/10.1101/2026.11.20.26300001v2?rss=1",
        f"{NAMED}{_cdata(ABSTRACT)}<dc:creator>Rue, A.</dc:creator>{DAY}",
        "10.1101/2026.11.20.26300001",
        authors=("A. Rue",),
    ),
    "ScienceDirect": Form(
        "rss",
        "https://www.sciencedirect.com/science/article/pii/S0000000026000017?dgcid=rss_sd_all",
        NAMED + _cdata("<p>Publication date: Available online 20 November 2026</p><p><b>Source:</b> Limnology Letters, "
                       "Volume 7</p><p>Author(s): Ann Rue, Bo Li, Cy Doe</p>"),
        "",
        authors=("Ann Rue", "Bo Li", "Cy Doe"),
        abstract="",
    ),
    "ScienceDirect, in an issue": Form(
        "rss",
        "https://www.sciencedirect.com/science/article/pii/S0000000026000029?dgcid=rss_sd_all",
        NAMED + _cdata("<p>Publication date: January 2027</p><p><b>Source:</b> <i>Limnology Letters</i>, Volume 7</p>"
                       "<p><b>Author(s):</b> Ann Rue, Bo Li</p>"),
        "",
        abstract="",
        day=None,
    ),
    "Nature": Form(
        "rdf",
        "https://www.nature.com/articles/s99999-026-00001-2",
        NAMED + _cdata("<p>Nature Lakes, Published online: 20 November 2026; <a href=\"https://www.nature.com/articles/"
                       f"s99999-026-00001-2\">doi:10.1038/s99999-026-00001-2</a></p>{ABSTRACT}", "content:encoded")
        + _creators("Bo Li", "Ann Rue", "Bo Li") + DAY + "<prism:doi>10.1038/s99999-026-00001-2</prism:doi>",
        "10.1038/s99999-026-00001-2",
        authors=("Bo Li", "Ann Rue"),
    ),
    "Nature, title alone": Form(
        "rdf",
        "https://www.nature.com/articles/s99999-026-00002-1",
        NAMED + _cdata("<p>Nature Lakes, Published online: 20 November 2026; <a href=\"https://www.nature.com/x\">"
                       f"doi:10.1038/s99999-026-00002-1</a></p>{TITLE}.", "content:encoded") + TWO + DAY,
        "10.1038/s99999-026-00002-1",
        abstract="",
    ),
    "Wiley": Form(
        "rss",
        "https://onlinelibrary.wiley.com/doi/10.1002/lakes.700001?af=R",
        f"{NAMED}{_cdata('Lakes and Ponds, EarlyView.')}"
        + _cdata(f"<p>Ice matters to everyone who skates.</p>\n<h2>ABSTRACT</h2>\n<p>{ABSTRACT}</p>", "content:encoded")
        + f"<dc:creator>\nAnn Rue, \nBo Li\n</dc:creator>{POSTED}<dc:identifier>10.1002/lakes.700001</dc:identifier>",
        "10.1002/lakes.700001",
    ),
    "Springer": Form(
        "rss",
        "https://link.springer.com/article/10.1007/s99999-026-00003-0",
        f"{NAMED}{_cdata(f'<h3>Abstract</h3> <p>{ABSTRACT}</p>')}<guid>10.1007/s99999-026-00003-0</guid>{POSTED}",
        "10.1007/s99999-026-00003-0",
        authors=(),
    ),
    "ACM": Form(
        "rdf",
        "https://dl.acm.org/doi/abs/10.1145/7000001?af=R",
        _atypon("ACM Transactions on Lakes", "10.1145/7000001"),
        "10.1145/7000001",
    ),
    "IEEE": Form(
        "rss",
        "http://ieeexplore.ieee.org/document/70000001",
        f"{NAMED}<description>{ABSTRACT}</description>{POSTED}<volume>7</volume><startPage>1</startPage>"
        "<authors>Ann Rue;Bo Li;</authors>",
        "",
    ),
    "Science": Form(
        "rdf",
        "https://www.science.org/doi/abs/10.1126/science.abc0001?af=R",
        _atypon("Science", "10.1126/science.abc0001", ""),
        "10.1126/science.abc0001",
        abstract="",
    ),
    "PNAS": Form(
        "rdf",
        "https://www.pnas.org/doi/abs/10.1073/pnas.2600001123?af=R",
        _atypon("Proceedings of the National Academy of Sciences", "10.1073/pnas.2600001123",
                f"<br/>Significance{ABSTRACT}").replace(
                    TWO, _creators("Ann Rue, Bo Li Author affiliations Department of Ice, Pond University")),
        "10.1073/pnas.2600001123",
    ),
    "Cell": Form(
        "rdf",
        "https://www.cell.com/cell/fulltext/S0092-8674(26)00001-1?rss=yes",
        f"{NAMED}<description>{ABSTRACT}</description>{_creators('Ann Rue, Bo Li')}"
        f"<dc:identifier>10.1016/j.cell.2026.11.001</dc:identifier>{DAY}",
        "10.1016/j.cell.2026.11.001",
    ),
    "Lancet": Form(
        "rdf",
        "https://www.thelancet.com/journals/lancet/article/PIIS0140-6736(26)00001-2/fulltext?rss=yes",
        f"<title>[Articles] {TITLE}</title><description>{ABSTRACT}</description>{TWO}"
        f"<dc:identifier>10.1016/S0140-6736(26)00001-2</dc:identifier>{DAY}",
        "10.1016/s0140-6736(26)00001-2",
    ),
    "OUP": Form(
        "rss",
        "https://academic.oup.com/lakes/article/doi/10.1093/lakes/lak001/7000001?rss=1",
        NAMED + _cdata(f'<span class="paragraphSection"><div class="boxTitle">Abstract</div>{ABSTRACT}</span>')
        + f"{POSTED}<prism:doi>10.1093/lakes/lak001</prism:doi><guid>http://doi.org/10.1093/lakes/lak001</guid>",
        "10.1093/lakes/lak001",
        authors=(),
    ),
    "Taylor & Francis": Form(
        "rdf",
        "https://www.tandfonline.com/doi/full/10.1080/00000000.2026.7000001?af=R",
        f"{NAMED}{_cdata('Volume 54, Issue 3, November 2026, Page 123-140<br/>. ')}{TWO}{DAY}"
        "<dc:identifier>doi:10.1080/00000000.2026.7000001</dc:identifier>",
        "10.1080/00000000.2026.7000001",
        abstract="",
    ),
    "MDPI": Form(
        "rdf",
        "https://www.mdpi.com/0000-0000/18/11/2345",
        f"<title>Lakes, Vol. 18, Pages 2345: {TITLE}</title>"
        + _cdata(f"<p><b>Lakes, Vol. 18, Pages 2345: {TITLE}</b></p>\n<p>Lakes <a href=\"https://doi.org/10.3390/"
                 "lakes18112345\">doi: 10.3390/lakes18112345</a></p>\n<p>Authors:\n Ann Rue\n Bo Li\n</p>\n"
                 f"<p>{ABSTRACT}</p>", "content:encoded")
        + f"{TWO}{DAY}<dc:identifier>doi: 10.3390/lakes18112345</dc:identifier>",
        "10.3390/lakes18112345",
    ),
    "Frontiers": Form(
        "rss",
        "https://www.frontiersin.org/articles/10.3389/flake.2026.700001",
        f"{NAMED}{_cdata(ABSTRACT)}{POSTED}<author>Ann Rue</author><author>Bo Li</author>",
        "10.3389/flake.2026.700001",
    ),
    "PLOS": Form(
        "atom",
        "https://dx.plos.org/10.1371/journal.plake.0700001",
        "<id>10.1371/journal.plake.0700001</id>" + NAMED + "<author><name>Ann Rue</name></author>"
        "<author><name>Bo Li</name></author><updated>2026-11-20T14:00:00Z</updated>"
        f'<content type="html">&lt;p&gt;by Ann Rue, Bo Li&lt;/p&gt;\n\n{ABSTRACT}</content>',
        "10.1371/journal.plake.0700001",
    ),
    "arXiv listing": Form(
        "rss",
        "https://arxiv.org/abs/2611.70001",
        f"{NAMED}<description>arXiv:2611.70001v1 Announce Type: new \nAbstract: {ABSTRACT}</description>"
        f'<guid isPermaLink="false">oai:arXiv.org:2611.70001v1</guid>{POSTED}{_creators("Ann Rue, Bo Li")}',
        "arxiv:2611.70001",
    ),
    "arXiv, old listing": Form(
        "rdf",
        "http://arxiv.org/abs/2611.70002",
        f"<title>{TITLE}. (arXiv:2611.70002v1 [physics.ao-ph])</title>{_cdata(f'<p>{ABSTRACT}</p>')}{DAY}"
        + '<dc:creator> &lt;a href="http://arxiv.org/find/1"&gt;Ann Rue&lt;/a&gt;, &lt;a href="http://arxiv.org/find/2"'
        "&gt;Bo Li&lt;/a&gt;</dc:creator>",
        "arxiv:2611.70002",
        title=f"{TITLE}.",
    ),
    "APS": Form(
        "rdf",
        "http://link.aps.org/doi/10.1103/PhysRevLake.113.700001",
        NAMED + _cdata(f"<p>Author(s): Ann Rue, Bo Li, and Cy Doe</p><p>{ABSTRACT}</p><br/>[Phys. Rev. Lake 113, "
                       "700001] Published Fri Nov 20, 2026") + f"{_creators('Ann Rue, Bo Li, and Cy Doe')}{DAY}"
        "<prism:doi>10.1103/PhysRevLake.113.700001</prism:doi>",
        "10.1103/physrevlake.113.700001",
        authors=("Ann Rue", "Bo Li", "Cy Doe"),
    ),
    "RSC": Form(
        "rss",
        "http://pubs.rsc.org/en/Content/ArticleLanding/2026/LK/D6LK00001A",
        NAMED + _cdata("<div><i><b>Lake Sci.</b></i>, 2026, Advance Article<br /><b>DOI</b>: 10.1039/D6LK00001A, Edge "
                       f"Article</div><div>Open Access</div><div>Ann Rue, Bo Li<br />{ABSTRACT}<br />To cite this "
                       "article before page numbers are assigned, use the DOI form of citation above.<br />The content "
                       "of this RSS Feed (c) The Royal Society of Chemistry</div>") + POSTED,
        "10.1039/d6lk00001a",
    ),
    "ACS": Form(
        "rss",
        "http://dx.doi.org/10.1021/acslake.6c00001",
        f"<title>[ASAP] {TITLE}</title>"
        + _cdata('<p><img src="https://pubs.acs.org/x.gif" alt="TOC Graphic" /></p><div><cite>ACS Lakes</cite></div>'
                 "<div>DOI: 10.1021/acslake.6c00001</div>") + f"{POSTED}{_creators('Ann Rue, Bo Li, and Cy Doe')}",
        "10.1021/acslake.6c00001",
        authors=("Ann Rue", "Bo Li", "Cy Doe"),
        abstract="",
    ),
    "SIAM": Form(
        "rdf",
        "https://epubs.siam.org/doi/abs/10.1137/26M7000001?af=R",
        _atypon("SIAM Journal on Lakes", "10.1137/26M7000001", f"<br/> Abstract. {ABSTRACT}"),
        "10.1137/26m7000001",
    ),
    "SAGE": Form(
        "rdf",
        "https://journals.sagepub.com/doi/abs/10.1177/00000000267000001?af=R",
        f"{NAMED}{_cdata(f'Journal of Lakes, Ahead of Print. <br/>{ABSTRACT}')}{TWO}{DAY}"
        "<dc:identifier>doi:10.1177/00000000267000001</dc:identifier>",
        "10.1177/00000000267000001",
    ),
    "Chicago": Form(
        "rdf",
        "https://www.journals.uchicago.edu/doi/abs/10.1086/700001?af=R",
        NAMED + _cdata('Journal of Pond Economy, <a href="https://x.example/toc">Volume 134, Issue 7</a>, Page 21-66, '
                       "November 2026. <br/>") + f"{TWO}{DAY}<prism:doi>10.1086/700001</prism:doi>",
        "10.1086/700001",
        abstract="",
    ),
    "BMJ": Form(
        "rdf",
        "http://bmjlakes.bmj.com/cgi/content/short/10/1/1?rss=1",
        f"{NAMED}{_cdata(f'<sec><st>Abstract</st><p>{ABSTRACT}</p></sec>')}{_creators('Rue, A., Li, B.')}{DAY}"
        "<dc:identifier>info:doi/10.1136/lakes-2026-700001</dc:identifier>"
        "<dc:identifier>hwp:master-id:bmjlakes;lakes-2026-700001</dc:identifier>",
        "10.1136/lakes-2026-700001",
        authors=("A. Rue", "B. Li"),
    ),
    "PubMed": Form(
        "rss",
        "https://pubmed.ncbi.nlm.nih.gov/70000001/?utm_source=curl&amp;utm_medium=rss",
        f"{NAMED}<description>Lakes J. 2026 Nov 20:1-9. doi: 10.5555/lakes.1. Online ahead of print.</description>"
        + _cdata('<div><p style="color: #4aa564;">Lakes J. 2026 Nov 20:1-9. doi: 10.5555/lakes.1.</p><p><b>ABSTRACT</b>'
                 f'</p><p>{ABSTRACT}</p><p style="color: lightgray">PMID:<a href="https://pubmed.ncbi.nlm.nih.gov/'
                 '70000001/">70000001</a> | DOI:<a href="https://doi.org/10.5555/lakes.1">10.5555/lakes.1</a></p></div>',
                 "content:encoded")
        + f'<guid isPermaLink="false">pubmed:70000001</guid>{POSTED}{TWO}<dc:date>2026-11-20</dc:date>'
        "<dc:identifier>pmid:70000001</dc:identifier><dc:identifier>doi:10.5555/lakes.1</dc:identifier>",
        "10.5555/lakes.1",
    ),
    "Copernicus": Form(
        "rss",
        "https://doi.org/10.5194/lake-12-700-2026",
        NAMED + _cdata(f"<b>{TITLE}</b><br>\nAnn Rue, Bo Li<br>\nLake Sci., 12, 700-712, "
                       f"https://doi.org/10.5194/lake-12-700-2026, 2026<br>\n{ABSTRACT}") + POSTED,
        "10.5194/lake-12-700-2026",
    ),
    "eLife": Form(
        "rss",
        "https://elifesciences.org/articles/700001",
        f"{NAMED}<description>{ABSTRACT}</description><author>ann@example.org (Ann Rue)</author>"
        f"<author>bo@example.org (Bo Li)</author>{POSTED}<dc:identifier>doi:10.7554/eLife.700001</dc:identifier>",
        "10.7554/elife.700001",
    ),
    "IOP": Form(
        "rdf",
        "http://iopscience.iop.org/article/10.1088/0000-0000/7/1/700001",
        f"{NAMED}<description>{ABSTRACT}</description>{_creators('Ann Rue, Bo Li and Cy Doe')}{DAY}"
        "<prism:doi>10.1088/0000-0000/7/1/700001</prism:doi>",
        "10.1088/0000-0000/7/1/700001",
        authors=("Ann Rue", "Bo Li", "Cy Doe"),
    ),
    "blog": Form(
        "rss",
        "https://lakes.substack.example.org/p/why-lakes-freeze",
        f"{NAMED}<description>{ABSTRACT}</description>"
        + _cdata("<p>Hello everyone,</p><p>today we look at ice.</p>", "content:encoded")
        + f"{_creators('Ann Rue')}{POSTED}",
        "",
        authors=("Ann Rue",),
    ),
}  # fmt: skip


def _feed(form: Form) -> bytes:
    link = f"<link>{form.link.replace('&amp;', '&').replace('&', '&amp;')}</link>"
    home = "<title>Feed</title><link>https://journal.example.org/</link><description>x</description>"
    if form.dialect == "atom":
        text = (
            f'<feed xmlns="http://www.w3.org/2005/Atom"><title>Feed</title><entry><link href="{form.link}"/>'
            f"{form.fields}</entry></feed>"
        )
    elif form.dialect == "rdf":
        text = (
            f'<rdf:RDF xmlns="http://purl.org/rss/1.0/" {_SPACES}><channel rdf:about="https://journal.example.org/">'
            f'{home}</channel><item rdf:about="https://x.example">{link}{form.fields}</item></rdf:RDF>'
        )
    else:
        text = f'<rss version="2.0" {_SPACES}><channel>{home}<item>{link}{form.fields}</item></channel></rss>'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode()


def _only(form: Form) -> Sighting:
    page = FeedSource("https://feeds.example.org/rss").parse(_feed(form))
    assert page.rejects == ()
    (sighting,) = page.sightings
    return sighting


@pytest.mark.parametrize("publisher", FORMS)
def test_feed_reads_form_of_publisher(publisher: str) -> None:
    form, found = FORMS[publisher], _only(FORMS[publisher])
    assert found.words.title == form.title
    assert found.words.authors == form.authors
    assert found.words.abstract == form.abstract
    assert (found.published.date() if found.published else None) == form.day
    if not form.doi:
        assert found.ids[0].startswith("feed:")
    else:
        assert (form.doi if form.doi.startswith("arxiv:") else f"doi:{form.doi}") in found.ids
    if publisher == "PubMed":
        assert "pmid:70000001" in found.ids
    assert len(found.ids) == (2 if publisher == "PubMed" else 1)


@pytest.mark.parametrize(
    "text",
    [
        "In this paper, volume 3 of the lake is measured.",
        "Lakes, ponds and May 2026 are what we look at.",
        "Abstract thoughts about lakes.",
        "Summary statistics of lakes are given.",
        "Abstract Syntax Trees of lakes are drawn.",
        "Significance Testing of lakes is hard.",
        "We met at a lake, May 2026. Then we measured it.",
    ],
)
def test_feed_keeps_abstract_that_is_no_citation(text: str) -> None:
    form = Form("rss", "https://lakes.example.org/1", f"{NAMED}<description>{text}</description>", "")
    assert _only(form).words.abstract == text


@pytest.mark.parametrize("heading", ["Abstract", "ABSTRACT ", "Abstract: ", "Significance\n", "<b>Abstract</b> "])
def test_feed_removes_heading(heading: str) -> None:
    form = Form("rss", "https://lakes.example.org/1", NAMED + _cdata(f"{heading}The lake froze."), "")
    assert _only(form).words.abstract == "The lake froze."


def test_feed_survives_malformed_link() -> None:
    form = Form("rss", "http://[::1/x", f"{NAMED}<description>{ABSTRACT}</description>", "")
    assert _only(form).words.abstract == ABSTRACT


VIDEOS = (
    '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:yt="http://www.youtube.com/xml/schemas/2015"><title>Lakes</title>'
    "<entry><yt:videoId>x</yt:videoId><title>Ice</title><link href='https://www.youtube.com/watch?v=x'/></entry></feed>"
)
PODCAST = (
    '<rss version="2.0"><channel><title>Ice</title><item><title>One</title>'
    '<enclosure url="https://x.example/1.mp3" type="audio/mpeg" length="1"/></item></channel></rss>'
)


@pytest.mark.parametrize("body", [VIDEOS, PODCAST], ids=["videos", "podcast"])
def test_feed_of_recordings_is_refused(body: str) -> None:
    with pytest.raises(SourceFailed, match="videos or recordings, not papers"):
        FeedSource("https://feeds.example.org/rss").parse(body.encode())
