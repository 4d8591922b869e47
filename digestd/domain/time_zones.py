"""Time zones by their IANA names, as this system knows them, and by what people call them."""

import errno
import re
from collections.abc import Mapping
from difflib import get_close_matches
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from digestd.errors import BadRecord

_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})
_NO_PLACE = frozenset({"Factory", "localtime"})
_OFFSET = re.compile(r"(utc|gmt|z)?\s*[+-−]\s*\d{1,2}(:?\d\d)?", re.IGNORECASE)
_LANGUAGES = ("en", "de", "es", "fr", "ja", "pt", "zh")
"""Languages in which countries are understood."""
_AREAS = frozenset(
    {"Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"}
)
_TYPO_MIN = 5
"""Shorter names are similar to too many others."""
_NAMES = """
Africa/Johannesburg: sast, cape town, pretoria
Africa/Nairobi: eat
America/Anchorage: akst, akdt
America/Argentina/Buenos_Aires: argentina, argentinien, art
America/Chicago: cst, cdt, central, us central, us, usa, united states, austin, dallas, houston, minneapolis
America/Denver: mst, mdt, mountain, us mountain, us, usa, united states, boulder, salt lake city
America/Edmonton: canada, calgary
America/Halifax: canada, ast, adt, atlantic
America/Los_Angeles: pst, pdt, pt, pacific, us pacific, us, usa, united states, berkeley, palo alto, portland,
  san diego, san francisco, seattle, stanford
America/Manaus: brazil
America/Mexico_City: mexico
America/New_York: edt, et, eastern, us eastern, us, usa, united states, atlanta, baltimore, boston, miami,
  new york city, nyc, philadelphia, pittsburgh, princeton, washington, washington dc
America/Santiago: chile
America/Sao_Paulo: brazil, brt, brasilia, rio de janeiro
America/Tijuana: mexico
America/Toronto: canada, ottawa, quebec
America/Vancouver: canada
America/Winnipeg: canada
Asia/Almaty: kazakhstan, astana
Asia/Dhaka: bst
Asia/Dubai: abu dhabi, gst
Asia/Ho_Chi_Minh: hanoi
Asia/Hong_Kong: hkt, hong kong
Asia/Jakarta: indonesia, wib
Asia/Jerusalem: ist, idt, haifa, tel aviv
Asia/Karachi: islamabad, lahore, pkt
Asia/Kolkata: ist, bangalore, bengaluru, bombay, chennai, delhi, hyderabad, mumbai, new delhi, pune
Asia/Kuala_Lumpur: malaysia, myt
Asia/Makassar: indonesia
Asia/Manila: pht
Asia/Seoul: kst, busan, daejeon, korea
Asia/Shanghai: cst, china, beijing, chengdu, guangzhou, hangzhou, nanjing, peking, shenzhen, tianjin, wuhan, xian, 中国,
  北京
Asia/Singapore: sgt
Asia/Tashkent: uzbekistan
Asia/Tokyo: jst, kyoto, nagoya, osaka, 東京
Atlantic/Canary: canary islands
Australia/Adelaide: acst, acdt, australia
Australia/Brisbane: australia
Australia/Perth: awst, australia
Australia/Sydney: aest, aedt, australia, canberra
Europe/Berlin: cest, mez, mesz, bonn, cologne, dresden, frankfurt, hamburg, heidelberg, köln, leipzig, munich, münchen,
  stuttgart, tübingen
Europe/Athens: eest
Europe/Dublin: ist
Europe/Istanbul: ankara
Europe/Kyiv: ukraine, kiev
Europe/Lisbon: portugal, porto, west
Europe/London: bst, uk, england, scotland, wales, cambridge, edinburgh, glasgow, manchester, oxford
Europe/Madrid: spain, españa, spanien, barcelona, valencia
Europe/Moscow: msk, russia
Europe/Paris: grenoble, lyon, marseille, toulouse
Europe/Rome: bologna, florence, milan, milano, naples, pisa, roma, trieste, turin
Europe/Vienna: graz, wien
Europe/Zurich: basel, bern, geneva, genève, genf, lausanne, zürich
Asia/Novosibirsk: russia
Asia/Vladivostok: russia
Asia/Yekaterinburg: russia
Pacific/Auckland: nzst, nzdt, new zealand, christchurch, wellington
Pacific/Honolulu: hawaii
"""
"""Names that people write and CLDR does not have. A name of several zones is ambiguous."""


@lru_cache(maxsize=700)
def load_zone(name: str) -> ZoneInfo:
    """Return a time zone by name. Raises LookupError, ValueError or OSError."""
    return ZoneInfo(name)


@lru_cache(maxsize=700)
def check_timezone(name: str) -> str:
    """Return the IANA name of a time zone that is given by it, or as people and Windows call it.

    Raises BadRecord, which suggests others: for an ambiguous or misspelt name, and for an offset such as GMT+1, which
    does not follow summer time and is called Etc/GMT-1 by IANA.
    """
    if name in _zones() and is_timezone(name):
        return name
    found = _names().get(name[:64].casefold()) or _names().get(_plain(name[:64]), ())
    if len(found) == 1:
        return found[0]
    if _OFFSET.fullmatch(name[:64].strip()):
        remedy = "an offset does not follow summer time; name a place, as in Europe/Berlin or Asia/Shanghai"
    elif near := found or _similar_zones(name[:40]):
        remedy = f"did you mean {' or '.join(', '.join(map(repr, near)).rsplit(', ', 1))}?"
    else:
        remedy = "write it like Europe/Berlin or UTC"
    raise BadRecord("timezone", f"invalid time zone {name[:60]!r}: {remedy}")


def is_timezone(name: object) -> bool:
    """Return True if a stored name is a time zone of this system. Zones are renamed and removed now and then.

    Raises OSError if the process can open no file now, which says nothing about the name.
    """
    try:
        return isinstance(name, str) and bool(load_zone(name))
    except (LookupError, ValueError):
        return False
    except OSError as error:  # as for a folder of zones
        if error.errno in _EXHAUSTED:
            raise
        return False


def require_timezone(name: str) -> str:
    """Return the name if it is a time zone of this system. Raises BadRecord, as `check_timezone` does."""
    return name if is_timezone(name) else check_timezone(name)


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones()) - _NO_PLACE


def _plain(name: str) -> str:
    """Return a name without what people write in different ways: `Pacific Standard Time` and `pacific` are one."""
    words = name.casefold().replace("_", " ").replace(".", "").split()
    return " ".join(word for word in words if word not in {"standard", "summer", "daylight", "time"})


@lru_cache(maxsize=1)
def _names() -> Mapping[str, tuple[str, ...]]:
    """Return the zones by the names of people: our table before cities, countries and Windows' names of CLDR."""
    from babel import Locale  # noqa: PLC0415  # for the few names that are not of IANA
    from babel.core import get_global  # noqa: PLC0415

    current, families = get_global("zone_aliases"), get_global("meta_zones")
    ours: dict[str, tuple[str, ...]] = {}
    for zone, names in re.findall(r"^(\S+): (.*(?:\n  .*)*)", _NAMES, re.MULTILINE):
        if zone in _zones():
            ours |= {name: (*ours.get(name, ()), zone) for name in map(_plain, names.split(","))}
    windows = {
        name.casefold(): (current.get(zone, zone),)
        for name, zone in get_global("windows_zone_mapping").items()
        if name not in _zones() and not _OFFSET.fullmatch(name)
    }
    countries: dict[str, tuple[str, ...]] = {}
    for code, zones in get_global("territory_zones").items():
        families_of = {
            families.get(zone, zone): current.get(zone, zone) for zone in reversed(zones) if zone in _zones()
        }
        names = [Locale(language).territories.get(code, code) for language in _LANGUAGES]
        countries |= dict.fromkeys(map(_plain, names), tuple(families_of.values()))
    cities = {_plain(zone.rpartition("/")[2]): (zone,) for zone in sorted(_zones()) if zone.partition("/")[0] in _AREAS}
    short = {_plain(name): zone for name, zone in windows.items()}
    return cities | countries | short | {_plain(zone): (zone,) for zone in _zones()} | ours | windows


def _similar_zones(name: str) -> list[str]:
    """Return the zone whose name or place is most similar."""
    if len(name) < _TYPO_MIN:
        return []
    near = get_close_matches(_plain(name), _names(), n=1, cutoff=0.75)
    return [zone for found in near for zone in _names()[found]]
