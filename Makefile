# Muniment's commands. `make` alone lists them.
#
# pip is called without options of its own about indexes, proxies or certificates: what the machine's
# pip configuration says holds. The version of every package stands in constraints.txt, and the hashes of its
# files in requirements/: what comes with other bytes is not installed.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check
# The lists hold what is needed, whole: nothing is looked for beside them.
LISTED := $(PIP) --quiet --no-deps --require-hashes -r
READY := $(VENV)/.ready
READY_DEV := $(VENV)/.ready-dev
READY_BENCH := $(VENV)/.ready-bench

.PHONY: help
help: ## List these commands
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' \
		| awk -F'\t' '{printf "  make %-12s %s\n", $$1, $$2}'

.PHONY: run
run: $(READY) ## Install what is missing, then start Muniment on this machine
	@$(BIN)/muniment serve

.PHONY: test
test: $(READY_DEV) browser ## Install what tests need (Chromium by apt-get where missing), then run them
	$(BIN)/python -m pytest

.PHONY: check
check: $(READY_DEV) ## Format, lint, strict types, import layers, dependency hygiene
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .

.PHONY: format
format: $(READY_DEV) ## Format the code and fix what can be fixed by itself
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

.PHONY: bench
bench: $(READY_BENCH) ## Measure ingestion side by side with its peers (PDFs: make bench DATA=folder)
	$(BIN)/python benchmarks/ingest.py $(if $(DATA),--data "$(DATA)")

.PHONY: clean
clean: ## Remove the virtual environment and caches; your data folder is left alone
	rm -rf $(VENV) *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache test-output
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# What is installed. Each stamp is newer than what it was made from, so a second start installs nothing.

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Muniment needs Python 3.11 or newer; name one with: make PYTHON=python3.11 ..." >&2; exit 4; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { \
		echo "This Python cannot make virtual environments yet; installing the package python3-venv."; \
		$(call apt_get,python3-venv); }
	@$(PYTHON) -m venv $(VENV)

# torch has no hash here, since its build is another on each kind of machine; what it needs is there before it,
# so that it brings nothing beside what only its own build wants.
$(READY): pyproject.toml constraints.txt requirements/run.txt | $(BIN)/python
	@echo "Installing Muniment's pinned dependencies; this takes some minutes the first time."
	@$(LISTED) requirements/run.txt
	@$(PIP) --quiet -c constraints.txt torch
	@$(PIP) --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(READY_DEV): $(READY) requirements/dev.txt
	@$(LISTED) requirements/dev.txt
	@touch $@

$(READY_BENCH): $(READY_DEV) requirements/bench.txt
	@$(LISTED) requirements/bench.txt
	@touch $@

.PHONY: browser
browser:
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || { \
		echo "Installing Chromium for the browser tests."; \
		$(call apt_get,chromium fonts-dejavu-core fonts-liberation); }

# Says what to install where it cannot install by itself.
define apt_get
	sudo=""; if [ "$$(id -u)" -ne 0 ]; then sudo=sudo; fi; \
	if ! command -v apt-get >/dev/null || { [ -n "$$sudo" ] && ! command -v sudo >/dev/null; }; then \
		echo "Please install: $(1) (this machine has no apt-get that we may use), then run make again." >&2; exit 4; \
	fi; \
	$$sudo apt-get update -qq && $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $(1)
endef
