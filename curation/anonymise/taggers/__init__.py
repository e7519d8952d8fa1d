"""Name engines. `tagger` loads them by name."""
