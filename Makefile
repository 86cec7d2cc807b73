# Commands to run, test and package imchat. Needs Python 3.11 or newer, git and make; installs the rest.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --no-deps
LOCKED := $(PIP) --require-hashes
PYTHON_CODE := src tests bench tools requirements hatch_build.py
CLIENT := $(BIN)/python hatch_build.py
# A stamp's name contains the checksum of its lock files: other lock files, not newer ones, cause a new installation.
PACKAGES := $(VENV)/packages-$(shell cat requirements/runtime.lock requirements/build.lock | cksum | cut -c 1-8).stamp
TOOLS := $(VENV)/tools-$(shell cat requirements/*.lock | cksum | cut -c 1-8).stamp
CHECKERS := $(VENV)/checkers
CHECKER_PACKAGES := $(CHECKERS)/packages-$(shell cksum <requirements/checkers.lock | cut -c 1-8).stamp
EMULATOR := $(VENV)/emulator
EMULATOR_PACKAGES := $(EMULATOR)/packages-$(shell cksum <requirements/emulator.lock | cut -c 1-8).stamp
JS_CLIENT := tests/local/js/node_modules/.package-lock.json
SAY := printf '\033[2m›\033[0m %s\n'

# Find the newest working interpreter. A name on PATH is not enough (pyenv's shims, distributions without venv).
FIND_PYTHON := for name in $(PYTHON) python3.14 python3.13 python3.12 python3.11 python3 python; do \
	"$$name" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo "$$name" && break; done

help: ## List the targets
	@printf '\n\033[1mimchat\033[0m  make <target>\n\n'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  \033[36m%-13s\033[0m %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@printf '\n'

run: $(VENV)/installed.stamp site ## Install and start imchat on this machine; ARGS="--port 9000" passes options on
	@$(BIN)/imchat local $(ARGS)

test: check $(JS_CLIENT) $(EMULATOR_PACKAGES) ## Run everything that CI runs: checks, all tests, the web client's tests
	@$(SAY) "tests; browser and emulator tests in parallel with the others"
	@$(BIN)/pytest -q -m "(browser or emulator) and not budget" -o cache_dir=$(VENV)/cache-beside >$(VENV)/beside.txt 2>&1 & beside=$$!; \
	$(BIN)/pytest -q -m "not browser and not emulator and not budget"; others=$$?; \
	wait $$beside; beside=$$?; cat $(VENV)/beside.txt; exit $$((others + beside))
	@$(SAY) "web client tests"
	@$(CLIENT) npm test --silent

test-fast: $(TOOLS) $(JS_CLIENT) site ## Run the tests except browser, emulator and slow ones; ARGS go to pytest
	@$(BIN)/pytest -q -m "not slow and not browser and not emulator and not budget" $(ARGS)

test-emulator: $(TOOLS) $(EMULATOR_PACKAGES) site ## Deploy to an AWS emulator and run the protocol tests there
	@$(BIN)/pytest -q -m emulator $(ARGS)

soak: $(TOOLS) site ## Kill the server 200 times while clients send; KILLS=20 for 20 times
	@IMCHAT_KILLS=$(or $(KILLS),200) $(BIN)/pytest -q --log-cli-level=INFO tests/e2e/test_kill.py

bench: $(TOOLS) site ## Benchmark imchat local against a bare server; ARGS="messages --rounds 3" passes options on
	@$(BIN)/python -m bench $(ARGS)

check: $(TOOLS) $(CHECKER_PACKAGES) site chromium ## Check style, types, layers, templates, and the web client's types, size and accessibility; fast
	@$(SAY) "style"
	@$(BIN)/ruff check --quiet $(PYTHON_CODE)
	@$(BIN)/ruff format --quiet --diff $(PYTHON_CODE)
	@$(SAY) "types and templates"
	@$(BIN)/python -m tests.templates.checkers & checkers=$$!; \
	$(BIN)/mypy --no-error-summary $(PYTHON_CODE); types=$$?; wait $$checkers && exit $$types
	@$(SAY) "layers"
	@$(BIN)/lint-imports >$(VENV)/layers.txt 2>&1 || { cat $(VENV)/layers.txt; exit 1; }
	@$(SAY) "web client types"
	@$(CLIENT) npm run --silent check
	@$(SAY) "web client size and accessibility"
	@$(BIN)/pytest -q -m budget

screenshot: $(TOOLS) site chromium ## Update the README's screenshot from the browser tests
	@$(BIN)/pytest -q tests/e2e/test_in_browsers.py -k signed_up_a_minute_ago
	@cp build/screenshots/conversation.png docs/images/

generate: $(TOOLS) ## Regenerate the files made from code: OpenAPI, the web client's types and test cases, emoji, commands, costs
	@$(BIN)/python -m imchat.api.openapi .
	@$(BIN)/python -m tools.generate

format: $(TOOLS) ## Format the Python code and apply ruff's fixes
	@$(BIN)/ruff check --quiet --fix-only $(PYTHON_CODE)
	@$(BIN)/ruff format --quiet $(PYTHON_CODE)

site: $(VENV)/installed.stamp ## Build the web client if its sources changed
	@$(CLIENT)

# A sign-in library from npm, which the tests run against the identity service of imchat local.
$(JS_CLIENT): tests/local/js/package-lock.json $(TOOLS)
	@$(CLIENT) npm ci --prefix ../tests/local/js --ignore-scripts --silent >/dev/null
	@touch $@

# The template checkers need a different boto3 than imchat, so they have their own environment.
$(CHECKER_PACKAGES): requirements/checkers.lock $(TOOLS)
	@$(SAY) "template checkers"
	@$(BIN)/python -m venv --clear $(CHECKERS)
	@$(CHECKERS)/bin/python -m pip install --quiet --no-deps --require-hashes --no-compile -r $<
	@touch $@

# The AWS emulator needs a different botocore than imchat, so it has its own environment.
$(EMULATOR_PACKAGES): requirements/emulator.lock $(TOOLS)
	@$(SAY) "emulator"
	@$(BIN)/python -m venv --clear $(EMULATOR)
	@$(EMULATOR)/bin/python -m pip install --quiet --no-deps --require-hashes -r $<
	@touch $@

chromium: $(TOOLS)
	@$(BIN)/python -m tests.support.chromium

lock: $(TOOLS) ## Regenerate the lock files (UPGRADE=1: with the newest releases)
	@$(SAY) "Python lock files"
	@$(BIN)/python requirements/compile.py $(if $(UPGRADE),--upgrade)
	@$(SAY) "npm lock file"
	@$(CLIENT) npm $(if $(UPGRADE),update,install) --package-lock-only --ignore-scripts --silent

dist: $(TOOLS) site ## Build the sdist and the wheel into dist/
	@rm -rf dist
	@$(BIN)/python -m hatchling build

clean: ## Remove all build results and installed packages
	@rm -rf $(VENV) build dist frontend/node_modules src/imchat/site
	@rm -rf .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

$(PACKAGES):
	@python="$$($(FIND_PYTHON))"; \
	if [ -z "$$python" ]; then \
		echo "imchat needs Python 3.11 or newer with its venv module (on Debian and Ubuntu: apt install python3-venv);" >&2; \
		echo "if yours has another name, run: make PYTHON=/path/to/python" >&2; exit 1; fi; \
	$(SAY) "virtual environment ($$("$$python" --version))"; \
	"$$python" -m venv --clear $(VENV)
	@$(SAY) "packages"
	@$(LOCKED) --no-compile -r requirements/build.lock
	@$(LOCKED) -r requirements/runtime.lock
	@$(CLIENT) has-node || { $(SAY) "Node"; $(LOCKED) -r requirements/node.lock; }
	@touch $@

$(VENV)/installed.stamp: $(PACKAGES) pyproject.toml
	@$(SAY) "imchat"
	@$(CLIENT)
	@$(PIP) --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q src/imchat
	@touch $@

$(TOOLS): $(VENV)/installed.stamp
	@$(SAY) "test tools"
	@$(LOCKED) --no-compile -r requirements/dev.lock
	@touch $@

.PHONY: help run test test-fast test-emulator soak bench check screenshot generate format site chromium lock dist clean
