"""A value made coarse: an address its county, a date its year, coordinates a cell, an IP its network."""

from __future__ import annotations

from curation.anonymise import dates, places
from curation.anonymise.policy import LEVELS
from curation.anonymise.spans import Pattern


def generalise(kind: str, value: str, level: str | None = None) -> str | None:
    """What of a value is coarse enough; none where it says nothing so coarse.

    Args:
        kind: one of `policy.LEVELS`.
        value: on the view.
        level: one of the type's levels; without one the first.
    """
    level = level or LEVELS[kind][0]
    if kind == "DATE_OF_BIRTH":
        return dates.coarsen(value, level)
    if kind == "GPS":
        return _cell(value, {"degree": 0, "tenth": 1, "hundredth": 2}[level])
    if kind == "IP_ADDRESS":
        return _network(value)
    return places.within(value, level) or None


def _cell(value: str, places_kept: int) -> str | None:
    """Decimals cut off: a cell of 1, 0.1 or 0.01 degrees, of about 111, 11 or 1.1 km from south to north."""
    if not _DECIMALS.search(value):
        return None
    return str(_DECIMALS.sub(lambda found: f"{found[1]}.{found[2][:places_kept]}".removesuffix("."), value))


def _network(value: str) -> str | None:
    """The first 24 bits of version 4, the first 48 of version 6."""
    if ":" in value:
        groups = value.split("::")[0].split(":")[:3]
        return ":".join([*groups, *["0"] * (3 - len(groups))]) + "::/48"
    parts = value.split(".")
    return ".".join([*parts[:3], "0/24"]) if len(parts) == 4 else None


_DECIMALS = Pattern(r"([0-9]+)\.([0-9]+)")
