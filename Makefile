# Every target does its own set-up: .venv in this folder, Debian packages where that is allowed. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest
# Each file in one process, as many at a time as there are processors; what measures (slow, bench) runs alone.
SIDE_BY_SIDE := -n auto --maxprocesses 4 --dist loadfile

.PHONY: help setup demo test lint types unit slow nojit lowest fuzz bench format wheel clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-8s %s\n", $$1, $$2}'

setup: ## make .venv with everything at the locked versions, and compile the kernels
	@.ci/setup

demo: setup ## run the main job on the sample captures: no network, no root
	@$(BIN)/spanline demo

test: setup lint types unit ## what every change must pass: lint, types, tests

lint: setup ## ruff: rules and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: setup ## mypy, strict, on both packages
	@$(BIN)/mypy

unit: setup ## the tests, without the slow ones
	@.ci/debian want test
	@.ci/tests

slow: setup ## the slow tests only
	@.ci/debian want test
	@$(PYTEST) -m slow

nojit: setup ## the tests with the kernels as plain Python: numba hides an index out of bounds, Python does not
	@NUMBA_DISABLE_JIT=1 $(PYTEST) $(SIDE_BY_SIDE)

lowest: ## the tests with the lowest versions that pyproject.toml allows, in .venv-lowest
	@python3 -m venv --clear .venv-lowest
	@.venv-lowest/bin/python -m pip install --quiet uv
	@.venv-lowest/bin/uv pip install --quiet --python .venv-lowest/bin/python --resolution lowest-direct -e '.[dev]'
	@.venv-lowest/bin/python -m pytest

fuzz: setup ## property tests, many more examples, a new seed each time
	@SPANLINE_HYPOTHESIS=fuzz $(PYTEST) -m hypothesis

bench: setup ## measurements: see BENCHMARKS.md
	@.ci/debian want bench
	@$(PYTEST) -m "slow or not slow" -s tests/bench

format: setup ## put the code in ruff's format and fix what it can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

wheel: setup ## build the wheel into dist/
	@$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .

clean: ## remove what the other targets made
	rm -rf .venv .venv-lowest dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
