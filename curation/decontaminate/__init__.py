"""Find the records that give evaluation items away, before a model is trained on them."""

from __future__ import annotations

from curation.decontaminate.index import Index, Leak, Options, leaks
from curation.decontaminate.items import Item, find_files, read_items
from curation.decontaminate.stage import Decontaminate, DecontaminateParams

__all__ = [
    "Decontaminate",
    "DecontaminateParams",
    "Index",
    "Item",
    "Leak",
    "Options",
    "find_files",
    "leaks",
    "read_items",
]
