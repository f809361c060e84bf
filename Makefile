# Everything this project can be asked to do. `make` alone prints the verbs.
#
# Settings, given as `make VERB NAME=value`:
#   PYTHON       python3        the interpreter a virtual environment is made with (3.10 or later)
#   VENV         .venv          where that environment lies
#   TORCH_INDEX  (empty)        address of a package index with CPU builds of torch, asked for torch only;
#                               empty: torch comes from where pip always looks
#   CONFIG       configs/cartpole_dqn_per.yaml   what `make run` runs
#   ARGS         (empty)        passed on by run, test, bench: make run ARGS="--set seed=1"
#   PYTHONS      python3.10 python3.12 python3.13   what test-pythons looks for

PYTHON ?= python3
VENV ?= .venv
TORCH_INDEX ?=
CONFIG ?= configs/cartpole_dqn_per.yaml
ARGS ?=
PYTHONS ?= python3.10 python3.12 python3.13

BIN := $(VENV)/bin
FLOORS := ding_buffer/kernels/*,ding_buffer/core/*,ding_buffer/structures/*,ding_buffer/storages/*,ding_buffer/samplers/*,ding_buffer/buffers/*,middleware/*

# An editable install builds these, into ding_buffer/kernels: all environments share what is built.
KERNELS := setup.py $(wildcard ding_buffer/kernels/*.[ch])
# 1: with a compiler and the headers of Python the C kernels must build. 0: they are left out, and so are their tests.
DING_BUFFER_BUILD_KERNELS ?= $(shell { command -v cc || command -v gcc || command -v clang; } >/dev/null 2>&1 && \
	$(PYTHON) -c 'import os, sysconfig as s; os.stat(s.get_path("include") + "/Python.h")' 2>/dev/null && echo 1 || echo 0)
export DING_BUFFER_BUILD_KERNELS := $(DING_BUFFER_BUILD_KERNELS)
# For users: what does not build is left out.
IF_IT_BUILDS := DING_BUFFER_BUILD_KERNELS=$(filter 0,$(DING_BUFFER_BUILD_KERNELS))

.DEFAULT_GOAL := help
.PHONY: help run test check lint types format bench bench-peers wheel clean test-numpy1 test-pythons \
	test-threads coverage fuzz-kernels suite-c suite-numpy
.PRECIOUS: %/.made %/.torch %/.run %/.dev %/.numpy1 %/.light
.DELETE_ON_ERROR:

help: ## print the verbs
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1: /p' $(firstword $(MAKEFILE_LIST)) | while IFS=: read -r verb text; do \
		printf '  make %-13s%s\n' "$$verb" "$$text"; done
	@printf '\nSettings stand at the top of the Makefile.\n'

run: $(VENV)/.run ## set up .venv, train the learner on CartPole and show the result
	$(BIN)/ding-buffer run $(CONFIG) $(ARGS)

test: check ## set up .venv, check everything, run the tests on both kernels, the second time on numpy 1.26
	@if [ $(DING_BUFFER_BUILD_KERNELS) = 0 ]; then echo 'no C kernels: both runs are on the numpy kernels'; fi; \
	if $(BIN)/python -c 'import sys; sys.exit(sys.version_info >= (3, 13))'; then other=.venv-numpy1; \
		$(MAKE) --no-print-directory $$other/.numpy1 || exit 1; \
	else other=$(VENV); echo 'numpy 1.26 has no build for this Python: left out'; fi; \
	$(MAKE) --no-print-directory -k -j2 suite-numpy suite-c OTHER=$$other
	@if [ $(DING_BUFFER_BUILD_KERNELS) = 1 ] && [ -f "$$(gcc -print-file-name=libasan.so 2>/dev/null)" ]; then \
		FUZZ_SECONDS=$${FUZZ_SECONDS:-10} FUZZ_SEED=$${FUZZ_SEED:-0} $(MAKE) --no-print-directory fuzz-kernels; \
	else echo 'no C kernels or no gcc with AddressSanitizer: fuzz-kernels left out'; fi

# The runs of `make test`, at the same time: all on the C kernels, and on the numpy kernels, where Hypothesis draws
# fewer examples. What one says beside the other comes in one piece.
C_IF_BUILT := DING_BUFFER_KERNELS=$(if $(filter 0,$(DING_BUFFER_BUILD_KERNELS)),numpy,c)

suite-c:
	$(C_IF_BUILT) $(BIN)/python -m pytest $(ARGS)

# Tracing each line more than doubles the time.
coverage: $(VENV)/.dev ## all tests on the C kernels, and which lines they reach: of the lower floors 95 % at least
	$(C_IF_BUILT) $(BIN)/python -m coverage run -m pytest --hypothesis-profile=traced $(ARGS)
	$(BIN)/python -m coverage report
	$(BIN)/python -m coverage report --format=total --include='$(FLOORS)' --fail-under=95

suite-numpy:
	@said=$$(mktemp); DING_BUFFER_KERNELS=numpy \
		$(OTHER)/bin/python -m pytest -p no:cacheprovider --hypothesis-profile=brief --ignore=tests/packaging $(ARGS) \
		>"$$said" 2>&1; passed=$$?; \
	printf '\n== the numpy kernels, in %s\n' $(OTHER); cat "$$said"; rm -f "$$said"; exit $$passed

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

bench: $(VENV)/.dev ## measure ours; what the peers took last time stands beside it
	$(BIN)/python -m benchmarks.run $(ARGS)

bench-peers: $(VENV)/.dev ## measure ours and its peers in turn, write benchmarks/RESULTS.md (an environment each)
	TORCH_INDEX=$(TORCH_INDEX) $(BIN)/python -m benchmarks.compare $(ARGS)

wheel: $(VENV)/.made ## build the wheel into dist/
	rm -rf build dist
	$(BIN)/python -m pip wheel --no-deps --wheel-dir dist .
	rm -rf build

clean: ## remove environments, caches and build products (runs/ stays)
	rm -rf $(VENV) .venv-* build dist *.egg-info ding_buffer/kernels/*.so ding_buffer/kernels/*.pyd .coverage .coverage.* htmlcov
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

test-threads: $(VENV)/.dev ## many threads on each worker buffer, half a minute each instead of 2 seconds
	DING_BUFFER_LONG=1 $(BIN)/python -m pytest tests/replay/test_worker_threads.py $(ARGS)

test-numpy1: .venv-numpy1/.numpy1 ## the tests on numpy 1.26 and the numpy kernels (PYTHON up to 3.12)
	DING_BUFFER_KERNELS=numpy .venv-numpy1/bin/python -m pytest $(ARGS)

fuzz-kernels: $(VENV)/.dev ## the C kernels under AddressSanitizer: their tests, then odd arguments for FUZZ_SECONDS (20)
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	CC=gcc CFLAGS='-g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all' \
		LDFLAGS='-fsanitize=address,undefined' \
		$(BIN)/python setup.py -q build_ext --build-lib "$$folder/lib" --build-temp "$$folder/made" && \
	LD_PRELOAD="$$(gcc -print-file-name=libasan.so) $$(gcc -print-file-name=libstdc++.so.6)" \
		ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 PYTHONPATH=. \
		$(BIN)/python tests/kernels/fuzz_kernels.py "$$folder/lib" 2>"$$folder/said" || \
		{ cat "$$folder/said" >&2; exit 1; }

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

%/.run: pyproject.toml $(KERNELS) %/.torch
	$(IF_IT_BUILDS) $(@D)/bin/python -m pip install -c constraints.txt -e '.[run]'
	@touch $@

%/.dev: pyproject.toml $(KERNELS) %/.torch
	$(@D)/bin/python -m pip install -c constraints.txt -e '.[dev]'
	@touch $@

%/.numpy1: pyproject.toml $(KERNELS) %/.torch
	$(@D)/bin/python -m pip install -c constraints.txt -e '.[run,test,tree]' 'numpy==1.26.4'
	@touch $@

%/.light: pyproject.toml $(KERNELS) | %/.made
	$(IF_IT_BUILDS) $(@D)/bin/python -m pip install -e '.[cli,test]' gymnasium
	@touch $@
