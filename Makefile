# Needs Python 3.11 or newer, and make. Everything stays inside this folder, except for what root's PostgreSQL needs:
# the system user creative-tasks, and, where that user cannot enter this folder, a copy of PostgreSQL's programs in
# /var/tmp/creative-tasks-engine-* and its data in /var/lib/creative-tasks-data-* (a note in the data folder says so).

PYTHON ?= $(shell command -v python3.11 || command -v python3 || echo python3)
BIN := .venv/bin
# Nothing is written to the home folder, and no index is named here: pip's own configuration decides.
PIP := $(BIN)/python -m pip --no-cache-dir --disable-pip-version-check
COMPILE := $(BIN)/uv --no-cache pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command "make lock" pyproject.toml --group build

.DEFAULT_GOAL := help
.PHONY: help install install-dev run demo test check lock bench chaos duplicates faults contracts clean

help: ## show this
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

install: .venv/installed ## make .venv and install exactly what the lock says

install-dev: .venv/installed-dev ## the same, with what tests and checks need

run: install ## start everything and tell the demo stories; stays up until Ctrl-C
	@$(BIN)/creative-tasks up --demo

demo: install ## the smoke test: the stories from nothing to the end, in a temporary folder
	@$(BIN)/creative-tasks demo

# Six at a time even on two cores, because most of them wait for real processes; whoever is done takes from the others.
test: install-dev ## run the tests
	@$(BIN)/python -m pytest --numprocesses 6 --dist worksteal

check: install-dev ## format, lint, types, import contracts, and the lock
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/basedpyright
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest --quiet tests/architecture/test_lock.py tests/architecture/test_pins.py

lock: install-dev ## find newer versions and write them, with their hashes, to the lock files
	@$(COMPILE) --upgrade --extra local --output-file requirements.lock
	@$(COMPILE) --upgrade --extra local --extra dev --constraint requirements.lock --output-file requirements-dev.lock

bench: install-dev ## measure everything beside its bare equivalent: ONLY=submit WRITE=docs/performance.md
	@$(BIN)/python -m tests.benchmarks $(if $(ONLY),--only $(ONLY)) $(if $(WRITE),--write $(WRITE))

MINUTES ?= 8
SEED ?= 7
VALKEY ?= yes

chaos: install-dev ## break things on purpose and count what was lost: MINUTES=8 SEED=7 VALKEY=no
	@$(BIN)/python -m tests.faults.chaos --minutes $(MINUTES) --seed $(SEED) $(if $(filter no,$(VALKEY)),--no-valkey)

ROUNDS ?= 500

duplicates: install-dev ## press the same button 48 times at once at two APIs and count what was made: ROUNDS=500
	@$(BIN)/python -m tests.faults.contention --rounds $(ROUNDS)

faults: install-dev ## kill a worker at every failpoint, whatever the upstream does: more than 500 cases
	@FAULTS=all $(BIN)/python -m pytest --numprocesses 3 tests/faults/test_matrix.py

contracts: install-dev ## our provider files against the sandbox's dialects, and the sandbox against a vendor's own SDK
	@$(BIN)/python -m pytest tests/contracts

clean: ## delete .venv and everything that tools have cached here; the data in .data stays
	@rm -rf .venv .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		found=$$($(PYTHON) --version 2>/dev/null || echo not here); \
		echo "Python 3.11 or newer is needed, and $(PYTHON) is $$found; name another: make PYTHON=/path/to/python3.11" >&2; \
		exit 1; }
	@$(PYTHON) -m venv .venv || { \
		echo "$(PYTHON) cannot make virtual environments; install its venv package (Debian: apt install python3-venv)" >&2; \
		exit 1; }
	@touch $@

.venv/installed: .venv/made requirements.lock pyproject.toml
	@echo "installing what requirements.lock says into .venv" >&2
	@$(PIP) install --quiet --require-hashes --only-binary :all: -r requirements.lock
	@$(PIP) install --quiet --no-deps --no-build-isolation --no-index -e .
	@touch $@

.venv/installed-dev: .venv/installed requirements-dev.lock
	@echo "installing what requirements-dev.lock says into .venv" >&2
	@$(PIP) install --quiet --require-hashes --only-binary :all: -r requirements-dev.lock
	@touch $@
