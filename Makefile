# `make demo` is all it takes to see an answer; `make check` is the quick half of what CI runs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help install demo test test-all test-failed lint format check clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV): PyTorch brings its CUDA packages, 5.5 GB on disk, a minute or more."
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,launchers,lm1b,modern,optuna]'
	touch $@

install: $(STAMP) ## the environment, in .venv

demo: $(STAMP) ## six tuned optimizers compared on real data, in minutes
	$(BIN)/python -m harness experiment=quickstart

# On all cores, a file in one process and so is all of Slurm (tests/conftest.py), which mostly waits: so one
# more process than cores where it runs.
PYTEST := $(BIN)/python -m pytest --numprocesses auto --maxprocesses 8 --dist loadfile

test: $(STAMP) ## the tests to wait for: three minutes on two cores
	$(PYTEST) -m "not (slow or fault or slurm or browser)"

test-all: $(STAMP) ## all tests, sixteen minutes on two cores: simulations, kills, Slurm (Debian, root), the browser too
	$(PYTEST) --numprocesses $$(($$(nproc) + 1))

test-failed: $(STAMP) ## those that failed last time, one after the other
	$(BIN)/python -m pytest --last-failed --last-failed-no-failures none

lint: $(STAMP) ## style, types and who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP) ## mend style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

check: lint test ## the quick half of what CI runs

clean: ## remove the environment and caches; results stay
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis
