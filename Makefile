# What people run here: `make help`. Needs GNU make, a POSIX shell and Python 3.11 or newer; the rest it installs,
# into .venv and the user's cache (tools/install.py says where).

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

# With it each command would compile what it imports anew, which takes longer than most commands.
unexport PYTHONDONTWRITEBYTECODE

# The interpreter for .venv: the first of these that runs and is new enough. `make PYTHON=/path/to/python …` sets it.
PYTHON ?=
PYTHONS := python3.13 python3.12 python3.11 python3
PYTEST_ARGS ?=
LOCK_ARGS ?=
STACK ?=
FORCE ?=
IF_LOCKED ?=
REVIEW ?=
REFRESH ?=
COMMIT ?=
ENGINE ?=
NAME ?=
FILE ?=
RESOURCES ?=
UNAPPLIED ?=
APPLIED ?=
RUN_URL ?=
# uv itself is pinned in tools/uv.txt. It installs what requirements.txt pins, and works beside certificates of the system.
UV_VERSION := $(shell sed -n 's/^uv==\([0-9.]*\).*/\1/p' tools/uv.txt)
export UV_SYSTEM_CERTS ?= true
export UV_NO_PROGRESS ?= true

VENV := .venv/bin
REQUIREMENTS := .venv/.requirements
EDITABLE := .venv/.editable
UV_HOME := .cache/uv-$(UV_VERSION)
UV := $(UV_HOME)/bin/uv
PIP := $(VENV)/python -m pip --disable-pip-version-check --no-input --quiet

# Sets `found` in the shell, or ends the recipe. A candidate is run, since a version manager's stand-in may be no Python.
FIND_PYTHON = for python in $(if $(PYTHON),"$(PYTHON)",$(PYTHONS)); do \
	if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then found=$$python; break; fi; \
	done; \
	if [ -z "$${found-}" ]; then \
	  echo "setup: no Python 3.11 or newer: tried $(or $(PYTHON),$(PYTHONS))." >&2; \
	  echo "Install one, or name it: make PYTHON=/path/to/python3" >&2; \
	  exit 1; \
	fi;

# In front of what runs with the tools of this checkout. `exec` follows, so that a signal reaches the program itself.
WITH_TOOLS := tools=$$($(VENV)/python tools/environment.py) || exit; eval "$$tools";

# A virtual environment holds its own absolute path and that of its interpreter: moved, or without it, it is made anew.
ifneq ($(shell test "$$(cat $(REQUIREMENTS) 2>/dev/null)" = "$$(pwd -P)" && $(VENV)/python -c '' 2>/dev/null && echo sound),sound)
.PHONY: $(REQUIREMENTS)
endif

.PHONY: help
help:  ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

.PHONY: demo
demo: packages  ## Preview, deploy and preview again, dev and prod, against local doubles
	@$(WITH_TOOLS) exec python tools/demo.py

# Tests and checks side by side, which are one recipe each so that make passes signals on. A failed check is printed at
# once, and again as make's error at the end.
.PHONY: test
test: packages  ## Set up, then all checks and tests, side by side (PYTEST_ARGS="-k name")
	@$(MAKE) -j 2 check tests

# The tests that run make themselves get no jobs from this one.
.PHONY: tests
tests: packages  ## All tests, without the checks
	@$(WITH_TOOLS) unset MAKEFLAGS MFLAGS MAKELEVEL; exec python -m pytest -n auto --dist worksteal $(PYTEST_ARGS)

.PHONY: clients
clients: packages $(UV)  ## Airflow, Dagster, Fivetran's and Google's packages against the local services
	@$(VENV)/python tools/install.py >/dev/null
	@$(WITH_TOOLS) UV="$(UV)" exec python -m pytest clients $(PYTEST_ARGS)

.PHONY: rehearse
rehearse: packages $(UV)  ## The workflow files on a local GitHub, and a month of changes (about an hour)
	@$(VENV)/python tools/install.py >/dev/null
	@$(WITH_TOOLS) UV="$(UV)" exec python -m pytest rehearsal $(PYTEST_ARGS)

.PHONY: check
check: packages  ## Format, lint, types, workflows, and that the reference pages and the editors' schema are new
	@echo 'Checking format, lint and types' >&2
	@$(VENV)/ruff format --check --quiet .
	@$(VENV)/ruff check --quiet .
	@$(VENV)/yamllint --strict .
	@$(VENV)/mypy --no-error-summary
	@$(VENV)/python tools/reference.py --check
	@$(VENV)/actionlint -shellcheck= -pyflakes=
	@$(VENV)/zizmor -qq --offline --no-progress --persona auditor .github

.PHONY: setup
setup: packages  ## Virtual environment and engine, where they are missing
	@$(VENV)/python tools/install.py >/dev/null

.PHONY: env
env: packages  ## Shell commands that put the tools on PATH: eval "$(make -s env)"
	@$(VENV)/python tools/environment.py

.PHONY: bench
bench: packages  ## Measure 100 and 1,000 units beside the floor (BENCH="--peer terraform" for options)
	@$(WITH_TOOLS) exec python tools/bench.py $(BENCH)

.PHONY: recover
recover: packages  ## After a killed run: release the lock, tidy the state (STACK=dev)
	@$(WITH_TOOLS) exec python tools/recover.py $(if $(FORCE),--force) $(if $(IF_LOCKED),--if-locked) $(if $(STACK),"$(STACK)")

.PHONY: record-run
record-run: packages  ## In GitHub Actions, before `pulumi up`: record which job locks the stack (STACK=dev)
	@$(WITH_TOOLS) exec python tools/recover.py --record-run $(if $(STACK),"$(STACK)")

.PHONY: apply
apply: packages  ## For the workflows: apply what was reviewed (STACK=dev REVIEW=review.json REFRESH=1)
	@$(WITH_TOOLS) exec python tools/apply.py $(if $(REVIEW),--review "$(REVIEW)") $(if $(REFRESH),--refresh) "$(STACK)"

.PHONY: order
order: packages  ## For the workflows: whether this commit may be applied (STACK=dev)
	@$(WITH_TOOLS) exec python tools/apply.py --order "$(STACK)"

.PHONY: newest
newest: packages  ## For the workflows: whether no stack of an environment is at a later commit (STACK=dev)
	@$(WITH_TOOLS) exec python tools/apply.py --newest "$(STACK)"

.PHONY: fetch
fetch: packages  ## For the workflows: fetch a pull request's head without checking it out (COMMIT=)
	@$(VENV)/python tools/fetch.py "$(COMMIT)"

.PHONY: github-env
github-env: packages  ## For the workflows: put the tools on PATH of later steps (ENGINE=false: without Pulumi)
	@$(VENV)/python tools/environment.py --github $(if $(filter false,$(ENGINE)),--without-engine) >/dev/null

.PHONY: step-output
step-output: packages  ## For the workflows: make a JSON file an output of a step (NAME=dev FILE=review.json)
	@$(VENV)/python tools/handover.py output "$(NAME)" "$(FILE)"

.PHONY: unapplied
unapplied: packages  ## For the workflows: keep a review that was not applied (REVIEW=review.json FILE=)
	@$(VENV)/python tools/handover.py unapplied "$(REVIEW)" "$(FILE)" "$(APPLIED)"

.PHONY: issue
issue: packages  ## For the workflows: keep an environment's issue (STACK=dev UNAPPLIED=folder RUN_URL=)
	@$(WITH_TOOLS) exec python tools/handover.py issue "$(STACK)" "$(UNAPPLIED)" "$(RUN_URL)"

.PHONY: resources
resources: packages  ## For the workflows: write the names of a stack's resources (STACK=dev FILE=resources.json)
	@$(WITH_TOOLS) exec python tools/handover.py resources "$(STACK)" "$(FILE)"

.PHONY: sweep
sweep: packages  ## For the workflows: delete files of removed units (RESOURCES=folder FILE=body.md)
	@$(WITH_TOOLS) exec python tools/handover.py sweep "$(RESOURCES)" "$(FILE)"

.PHONY: keep-packages
keep-packages:  ## For the workflows: take the packages of a cache as they are
	@touch -c $(REQUIREMENTS) && touch -c $(EDITABLE)

.PHONY: format
format: packages  ## Format the code and mend what the linter can
	@$(VENV)/ruff check --quiet --fix-only .
	@$(VENV)/ruff format --quiet .

.PHONY: reference
reference: packages  ## Write the reference pages and the editors' schema from schemas, commands and variables
	@$(VENV)/python tools/reference.py

.PHONY: pages
pages: packages  ## Run the commands on the pages and write their outputs anew
	@$(WITH_TOOLS) exec python -m tests.docs

.PHONY: packages
packages: $(EDITABLE)

# The stamps are written last, so that a set-up that was killed is done again from the start.
$(REQUIREMENTS): requirements.txt
	@$(FIND_PYTHON) \
	echo "Installing the Python packages into .venv" >&2; \
	rm -rf .venv; \
	if $(MAKE) --silent $(UV) >&2 && $(UV) venv --quiet --no-python-downloads --python "$$found" .venv >&2 && \
	    $(UV) pip sync --quiet --require-hashes --python $(VENV)/python requirements.txt >&2; \
	then :; else \
	  echo "setup: uv could not install them (its message is above), so pip does it, in about a minute." >&2; \
	  rm -rf .venv && "$$found" -m venv .venv >&2 && $(PIP) install --require-hashes -r requirements.txt >&2; \
	fi
	@pwd -P >$@

$(EDITABLE): pyproject.toml $(REQUIREMENTS)
	@if test -x $(UV); then install="$(UV) pip install --quiet --python $(VENV)/python"; else install="$(PIP) install"; fi; \
	$$install --no-deps --no-build-isolation --editable . >&2
	@$(VENV)/python -c 'import reconciler.cli.validate'  # so that the first command finds its bytecode
	@touch $@

.PHONY: lock
lock: $(UV)  ## Pin the packages again after pyproject.toml changed (LOCK_ARGS=--upgrade: newest)
	@$(UV) --quiet pip compile pyproject.toml --extra dev --extra simulator --universal --python-version 3.11 \
	  --generate-hashes --custom-compile-command 'make lock' --output-file requirements.txt $(LOCK_ARGS)
	@echo uv | $(UV) --quiet pip compile - --universal --python-version 3.11 --generate-hashes --no-annotate \
	  --custom-compile-command 'make lock' --output-file tools/uv.txt $(LOCK_ARGS)

.PHONY: lock-clients
lock-clients: $(UV)  ## Pin the packages of `make clients` again after a requirements.in changed
	@for wanted in clients/*/requirements.in; do \
	  $(UV) --quiet pip compile "$$wanted" --universal --python-version 3.11 --generate-hashes --no-annotate \
	    --custom-compile-command 'make lock-clients' --output-file "$${wanted%.in}.txt" $(LOCK_ARGS) || exit; \
	done

# By the interpreter's own pip where it has one: a virtual environment for it takes some seconds.
$(UV): tools/uv.txt
	@$(FIND_PYTHON) \
	rm -rf $(UV_HOME) && mkdir -p .cache; \
	install="-m pip --disable-pip-version-check --no-input --quiet install --require-hashes -r tools/uv.txt"; \
	"$$found" $$install --target $(UV_HOME) >/dev/null 2>&1 || \
	  { "$$found" -m venv --clear $(UV_HOME) && $(UV_HOME)/bin/python $$install; }
	@touch $@

.PHONY: clean
clean:  ## Remove what this file made in the checkout; the engine in the user's cache stays
	rm -rf .venv .cache .mypy_cache .ruff_cache .hypothesis infra/*.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
