"""Chat examples of records: what a model is asked and what it should answer, by templates in data files."""
