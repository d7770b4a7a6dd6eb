# All the set-up there is: every target makes the .venv it needs.
PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable

# The other files there need a run, data or revisions, and say how they are called.
BENCHMARKS := checkpointing clockwork generation language_model_training memory reservoir softmax \
	translation_training

.PHONY: install demo test slow check bench clean

install: .venv/.installed-dev

demo: .venv/.installed-samples
	$(BIN)/elman demo

test: .venv/.installed-test
	$(BIN)/pytest

slow: .venv/.installed-dev
	$(BIN)/pytest -m slow

check: .venv/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/.installed-dev
	$(BIN)/elman bench
	for name in $(BENCHMARKS); do $(BIN)/python benchmarks/$$name.py || exit 1; done

clean:
	rm -rf .venv

# One stamp an extra: `make test` after `make demo` adds only what is missing.
.venv/.installed-%: pyproject.toml constraints.txt | .venv
	$(INSTALL) '.[$*]'
	touch $@

.venv:
	$(PYTHON) -m venv .venv
