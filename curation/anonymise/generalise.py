"""A value made coarse: an address its county, a date its year, coordinates a cell, an IP its network."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from curation.anonymise import dates, places
from curation.anonymise.policy import LEVELS
from curation.anonymise.spans import Pattern


def generalise(kind: str, value: str, level: str | None = None) -> str | None:
    """What of a value is coarse enough; none where it says nothing so coarse, or nothing more.

    Args:
        kind: one of `policy.LEVELS`.
        value: on the view.
        level: one of the type's levels; without one the first.
    """
    new = _coarse(kind, value, level or LEVELS[kind][0])
    return None if new == value else new


def degrees(value: str, write: Callable[[str], str]) -> str | None:
    """Coordinates with their decimals written otherwise; none where they are not all decimal degrees.

    Args:
        value: on the view.
        write: what becomes of the digits behind a point.
    """
    if not _DEGREES.fullmatch(value):
        return None
    return str(_DECIMALS.sub(lambda found: f"{found[1]}.{write(found[2])}".removesuffix("."), value))


def _coarse(kind: str, value: str, level: str) -> str | None:
    if kind == "DATE_OF_BIRTH":
        return dates.coarsen(value, level)
    if kind == "GPS":
        # A cell of 1, 0.1 or 0.01 degrees: of about 111, 11 or 1.1 km from south to north.
        kept = {"degree": 0, "tenth": 1, "hundredth": 2}[level]
        return degrees(value, lambda decimals: decimals[:kept])
    if kind == "IP_ADDRESS":
        return _network(value)
    return places.within(value, level) or None


def _network(value: str) -> str | None:
    """The first 24 bits of version 4, the first 48 of version 6."""
    try:
        return str(ipaddress.ip_network((value, 48 if ":" in value else 24), strict=False))
    except ValueError:
        return None


_DECIMALS = Pattern(r"([0-9]+)\.([0-9]+)")
_DEGREES = Pattern(r"(?:[^0-9.'′‘’＇分\"″“”＂秒]*[0-9]{1,3}\.[0-9]+(?![0-9.]))+[^0-9.'′‘’＇分\"″“”＂秒]*")
"""Every number has a point, and none is of minutes or seconds."""
