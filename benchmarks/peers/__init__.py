"""One adapter for each peer: `with_X.py METHOD INPUT OUTPUT_FOLDER WORKERS`, run in the peer's own venv.

An adapter reads JSON lines (`id`, `text`) and leaves files that hold the kept rows in the folder. It uses the
peer as its documentation does, on code-point 5-grams at 0.8 where the peer lets one say so, and comments say
where it does not.
"""
