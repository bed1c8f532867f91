# pgveil's errands. Each target sets up what it needs in a virtual environment of its own ($(VENV)); neither root nor a
# system PostgreSQL is needed. ARGS is handed on: `make demo ARGS=--once`, `make test ARGS="-k masks"`.

VENV ?= .venv
ARGS ?=
PIP_VERSION := 26.3

# The first Python on PATH that is new enough and can make virtual environments.
PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3.14 python3 python; do \
	$$name -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)

BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
SET_UP_FOR := pyproject.toml constraints.txt

.DEFAULT_GOAL := help
.PHONY: help demo test coverage clients sqlsmith browser lint check bench clean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.set-up-demo  ## Run pgveil in front of a made-up clinic (ARGS=--once ends by itself)
	$(BIN)/pgveil demo $(ARGS)

test: $(VENV)/.set-up-dev  ## Run the tests; all of them (no ARGS) are measured as by `make coverage`
	$(BIN)/$(if $(ARGS),pytest $(ARGS),python -m tests.whole)

coverage: $(VENV)/.set-up-dev  ## Which branches of the rooms that decide are tested without a server
	$(BIN)/coverage run -m pytest -q -m measured tests/unit tests/protocol $(ARGS)
	$(BIN)/coverage report

clients: $(VENV)/.set-up-clients  ## Run every client and tool, also those that pip does not install, and renew README's table
	$(BIN)/pytest tests/clients -m "not browser" --junitxml=$(VENV)/clients.xml $(ARGS)
	$(BIN)/python -m tests.clients.table $(VENV)/clients.xml

sqlsmith: $(VENV)/.set-up-dev  ## Have sqlsmith make up statements, and compare the answers (Debian or Ubuntu; minutes)
	$(BIN)/python -m tests.generated.sqlsmith
	$(BIN)/pytest tests/generated/test_sqlsmith.py -m tools $(ARGS)

browser: $(VENV)/.set-up-browser  ## Run Superset and pgAdmin in a headless Chromium, and renew the pictures in docs/images (minutes)
	$(BIN)/pytest tests/clients -m browser $(ARGS)

lint: $(VENV)/.set-up-dev  ## Check format, style and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

check: lint test  ## Everything that CI runs

bench: $(VENV)/.set-up-dev  ## Compare with a direct connection and, where installed, PgBouncer (minutes)
	$(BIN)/python -m tests.bench $(ARGS)

clean:  ## Remove the virtual environment and all caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
	find proxy tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.set-up-base: $(SET_UP_FOR)
	@test -n "$(PYTHON)" || { echo "pgveil needs Python 3.11 or newer with its venv module on PATH" >&2; exit 1; }
	@echo "Setting up $(VENV) (once) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(INSTALL) pip==$(PIP_VERSION)
	@touch $@

$(VENV)/.set-up-demo: $(VENV)/.set-up-base
	@$(INSTALL) --build-constraint constraints.txt --editable '.[demo]'
	@touch $@

$(VENV)/.set-up-dev: $(VENV)/.set-up-demo
	@$(INSTALL) --group dev
	@touch $@

# Needs Debian or Ubuntu with Node.js, a JDK, Maven, Perl and Go, but no root: see tests/clients/tools.py.
$(VENV)/.set-up-clients: $(VENV)/.set-up-dev tests/clients/tools.py $(wildcard tests/clients/programs/pgx/*)
	@$(BIN)/python -m tests.clients.tools
	@touch $@

# Both have libraries of their own; Chromium is the system's.
$(VENV)/.set-up-browser: $(VENV)/.set-up-dev tests/clients/web_tools.py $(wildcard tests/clients/*/requirements.txt)
	@$(BIN)/python -m tests.clients.web_tools
	@touch $@
