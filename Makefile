# Two commands set everything up on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# With a filled wheelhouse/ nothing is fetched from the network.
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
OFFLINE := $(if $(wildcard wheelhouse/*.whl),--no-index --find-links wheelhouse)

.PHONY: setup demo test lint bench notebook docs wheelhouse clean

setup: $(VENV)/.dev

# The demo needs curation and training, everything else the tools of development too.
$(VENV)/.train $(VENV)/.dev: $(VENV)/.%: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) install $(OFFLINE) -c constraints.txt -e '.[$*]'
	touch $@

demo: $(VENV)/.train
	$(BIN)/govtune demo demo

test: setup
	$(BIN)/python -m pytest -n auto

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: setup
	$(BIN)/python benchmarks/curate.py

# Executes the notebooks and strips what an author's own session left in them: they are committed without outputs.
notebook: setup
	$(BIN)/nbstripout --keep-id --extra-keys metadata.language_info.version notebooks/*.ipynb
	$(BIN)/python -m pytest -n auto tests/test_notebook.py

# The site, in both languages, without network: site/index.html.
docs: setup
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# Everything `make setup` needs, for machines without network: copy wheelhouse/ beside this file there.
wheelhouse: setup
	$(PIP) wheel -w wheelhouse -c constraints.txt '.[dev]' hatchling editables
	rm -f wheelhouse/govtune-*.whl

clean:
	rm -rf $(VENV) wheelhouse dist demo site build
