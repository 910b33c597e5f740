# `make demo` and `make test` need only Python 3.11, pip and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test nightly model check lint types layers docs clean

demo: $(READY)
	$(BIN)/cartveil demo

test: $(READY)
	$(BIN)/python -m pytest -n 2

# The same, with a hundred times more values: hours, not a minute.
nightly: $(READY)
	CARTVEIL_NIGHTLY=1 $(BIN)/python -m pytest -n 2

# The finder of personal information that ships: texts are written anew and learnt from, minutes on one core.
model: $(READY)
	$(BIN)/python tools/make_model.py

check: lint types layers

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

layers: $(READY)
	$(BIN)/lint-imports

docs: $(READY)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	$(BIN)/mkdocs build --strict

$(READY): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[learn,frames,service,postgres,dev]'
	touch $(READY)

clean:
	rm -rf $(VENV) cartveil-demo site build dist
