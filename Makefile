# `make demo` is all it takes to see an answer; `make check` is what CI runs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help install demo test test-slow test-slurm check lint format clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV): PyTorch brings its CUDA packages, 5.5 GB on disk, a minute or more."
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,launchers]'
	touch $@

install: $(STAMP) ## the environment, in .venv

demo: $(STAMP) ## six tuned optimizers compared on real data, in minutes
	$(BIN)/python -m harness experiment=quickstart

test: $(STAMP) ## the ordinary tests
	$(BIN)/python -m pytest -m "not slow"

test-slow: $(STAMP) ## the slow tests too: coverage simulations and the like
	$(BIN)/python -m pytest

test-slurm: $(STAMP) ## the Slurm tests, on a private single-node Slurm (Debian, root)
	$(BIN)/python -m pytest tests/slurm

lint: $(STAMP) ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(STAMP) ## mend style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

check: lint test ## what CI runs

clean: ## remove the environment and caches; results stay
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis
