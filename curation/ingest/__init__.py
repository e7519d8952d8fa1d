"""Reading what an office has into records: find the files, cut them into units, read each unit."""

from curation.ingest.files import SourceFile, Unit, find_inputs, problems, read, units
from curation.ingest.inspect import FileReport, inspect
from curation.ingest.mapping import ALIASES, Settings

__all__ = [
    "ALIASES",
    "FileReport",
    "Settings",
    "SourceFile",
    "Unit",
    "find_inputs",
    "inspect",
    "problems",
    "read",
    "units",
]
