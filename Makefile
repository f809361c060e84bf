# Everything this project can be asked to do. `make` alone prints the verbs.
#
# Settings, given as `make VERB NAME=value`:
#   PYTHON       python3        the interpreter a virtual environment is made with (3.10 or later)
#   VENV         .venv          where that environment lies
#   TORCH_INDEX  (empty)        address of a package index with CPU builds of torch, asked for torch only;
#                               empty: torch comes from where pip always looks
#   CONFIG       configs/cartpole_dqn_per.yaml   what `make run` runs
#   ARGS         (empty)        passed on by run, test and bench: make run ARGS="--set seed=1"
#   PYTHONS      python3.10 python3.12 python3.13   what test-pythons looks for

PYTHON ?= python3
VENV ?= .venv
TORCH_INDEX ?=
CONFIG ?= configs/cartpole_dqn_per.yaml
ARGS ?=
PYTHONS ?= python3.10 python3.12 python3.13

BIN := $(VENV)/bin
FLOORS := ding_buffer/core/*,ding_buffer/structures/*,ding_buffer/storages/*,ding_buffer/samplers/*,ding_buffer/buffers/*,middleware/*

.DEFAULT_GOAL := help
.PHONY: help run test check lint types format bench wheel clean test-numpy1 test-pythons
.PRECIOUS: %/.made %/.torch %/.run %/.dev %/.numpy1 %/.light
.DELETE_ON_ERROR:

help: ## print the verbs
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1: /p' $(firstword $(MAKEFILE_LIST)) | while IFS=: read -r verb text; do \
		printf '  make %-13s%s\n' "$$verb" "$$text"; done
	@printf '\nSettings stand at the top of the Makefile.\n'

run: $(VENV)/.run ## set up .venv, train the learner on CartPole and show the result
	$(BIN)/ding-buffer run $(CONFIG) $(ARGS)

test: check ## set up .venv, check everything, run the tests with branch coverage, and again on numpy 1.26
	$(BIN)/python -m coverage run -m pytest $(ARGS)
	$(BIN)/python -m coverage report
	$(BIN)/python -m coverage report --include='$(FLOORS)' --fail-under=95
	@if $(BIN)/python -c 'import sys; sys.exit(sys.version_info >= (3, 13))'; then \
		$(MAKE) --no-print-directory test-numpy1; \
	else echo 'numpy 1.26 has no build for this Python: left out'; fi

check: lint types ## lint and types, no tests

lint: $(VENV)/.dev ## ruff (rules and format) and import-linter (the floors of the house)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(VENV)/.dev ## mypy --strict
	$(BIN)/mypy

format: $(VENV)/.dev ## let ruff put the code in order
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

bench: $(VENV)/.dev ## measure; DI-engine's figures stand beside ours
	$(BIN)/python benchmarks/run.py $(ARGS)

wheel: $(VENV)/.made ## build the wheel into dist/
	rm -rf build dist
	$(BIN)/python -m pip wheel --no-deps --wheel-dir dist .
	rm -rf build

clean: ## remove environments, caches and build products (runs/ stays)
	rm -rf $(VENV) .venv-* build dist *.egg-info .coverage .coverage.* htmlcov
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

test-numpy1: .venv-numpy1/.numpy1 ## the tests again on numpy 1.26 (PYTHON up to 3.12)
	.venv-numpy1/bin/python -m pytest $(ARGS)

test-pythons: ## the tests again, without torch, on every interpreter of PYTHONS that is found
	@ran=; for python in $(PYTHONS); do \
		version=$$($$python -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || \
			{ echo "$$python: not found, left out"; continue; }; \
		echo "== Python $$version"; \
		$(MAKE) --no-print-directory PYTHON="$$python" ".venv-$$version/.light" || exit 1; \
		".venv-$$version/bin/python" -m pytest $(ARGS) || exit 1; \
		ran="$$ran $$version"; \
	done; \
	if [ -z "$$ran" ]; then echo "none of PYTHONS was found: $(PYTHONS)" >&2; exit 1; fi; \
	echo "passed on Python$$ran"

# A stamp in an environment says what has been installed there; it is made again when its sources change.

%/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
		{ echo 'Python 3.10 or later is needed: make PYTHON=/path/to/python' >&2; exit 1; }
	$(PYTHON) -m venv $(@D)
	@touch $@

%/.torch: constraints.txt | %/.made
	$(@D)/bin/python -m pip install -c constraints.txt $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) torch
	@touch $@

%/.run: pyproject.toml %/.torch
	$(@D)/bin/python -m pip install -c constraints.txt -e '.[run]'
	@touch $@

%/.dev: pyproject.toml %/.torch
	$(@D)/bin/python -m pip install -c constraints.txt -e '.[dev]'
	@touch $@

%/.numpy1: pyproject.toml %/.torch
	$(@D)/bin/python -m pip install -c constraints.txt -e '.[run,test,tree]' 'numpy==1.26.4'
	@touch $@

%/.light: pyproject.toml | %/.made
	$(@D)/bin/python -m pip install -e '.[cli,test]' gymnasium
	@touch $@
