# Everything a person or a build machine runs. Each target sets up what it needs and says so.

PYTHON ?= python3
SANDBOX ?= auto
BIN := .venv/bin
UV_VERSION := 0.13.8
IMAGES := runner/proctor_runner/images
COMPILE = $(BIN)/uv pip compile --quiet --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links

.DEFAULT_GOAL := help
.PHONY: help venv test test-nightly demo bench lint docs lock clean

help:
	@echo 'make demo [SANDBOX=docker|process]  both bundled challenges, from submission to leaderboard and re-run'
	@echo 'make test [ARGS=...]                linters, types, layers and the test suite'
	@echo 'make test-nightly                   the same with the slow tests'
	@echo 'make bench                          the ratios of benchmarks/'
	@echo 'make lint | docs | lock | clean | venv'

venv: .venv/.ready

# Without ensurepip, `python -m venv` fails half-way; Debian ships it as a package of its own.
.venv/.ready: pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo 'Proctor needs Python 3.11 or newer: make PYTHON=python3.12 ...' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null || { echo 'Install python3-venv first: sudo apt-get install python3-venv' >&2; exit 1; }; \
	  echo 'Installing python3-venv with apt-get.'; \
	  export DEBIAN_FRONTEND=noninteractive; apt-get update -qq && apt-get install -qq --yes --no-install-recommends python3-venv; }
	@echo 'Setting up .venv from requirements.lock.'
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock || { \
	  echo 'uv could not install the lock; trying pip.'; \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

test: lint
	$(BIN)/python tests/run_suite.py $(ARGS)

test-nightly: lint
	$(BIN)/python tests/run_suite.py --nightly $(ARGS)

demo: venv
	$(BIN)/proctor demo --sandbox $(SANDBOX)

bench: venv
	$(BIN)/python benchmarks/run.py

lint: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: venv
	$(BIN)/python docs/generate.py

# Keeps the pins that still fit; `make lock UPGRADE=--upgrade` looks for newer ones.
lock: venv
	$(COMPILE) $(UPGRADE) --universal --python-version 3.11 --extra all --group dev pyproject.toml -o requirements.lock
	echo hatchling | $(COMPILE) $(UPGRADE) --universal --python-version 3.11 -c requirements.lock \
	  --extra platform --extra dashboard pyproject.toml - -o requirements-server.lock
	for image in runtime_cpu runtime_torch; do \
	  $(COMPILE) $(UPGRADE) --python-version 3.11 --python-platform linux -c requirements.lock \
	    $(IMAGES)/$$image/requirements.in -o $(IMAGES)/$$image/requirements.txt || exit 1; \
	done

clean:
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
