# Run, test and package imchat. Needs Python 3.11 or newer, git and make; installs the rest.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1
# Write bytecode even if the environment disables it: otherwise every test process compiles everything again.
unexport PYTHONDONTWRITEBYTECODE

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --no-deps
LOCKED := $(PIP) --require-hashes
PYTHON_CODE := src tests bench tools requirements hatch_build.py
CLIENT := $(BIN)/python hatch_build.py
# A stamp's name has the checksum of its lock files: other lock files, not newer ones, make a new environment.
PACKAGES := $(VENV)/packages-$(shell cat requirements/runtime.lock requirements/build.lock | cksum | cut -c 1-8).stamp
TOOLS := $(VENV)/tools-$(shell cat requirements/*.lock | cksum | cut -c 1-8).stamp
CHECKERS := $(VENV)/checkers
CHECKER_PACKAGES := $(CHECKERS)/packages-$(shell cksum <requirements/checkers.lock | cut -c 1-8).stamp
EMULATOR := $(VENV)/emulator
EMULATOR_PACKAGES := $(EMULATOR)/packages-$(shell cksum <requirements/emulator.lock | cut -c 1-8).stamp
FUZZER := $(VENV)/fuzzer
FUZZER_PACKAGES := $(FUZZER)/packages-$(shell cksum <requirements/fuzzer.lock | cut -c 1-8).stamp
JS_CLIENT := tests/local/js/node_modules/.package-lock.json
CHECKS := $(BIN)/python -m tools.run_checks
# Up to four workers, one per core; an idle worker takes tests from another.
PARALLEL := -n logical --maxprocesses 4 --dist worksteal
SAY := printf '\033[2m›\033[0m %s\n'

# The newest interpreter that works: one on PATH may not (pyenv's shims, distributions without venv).
FIND_PYTHON := for name in $(PYTHON) python3.14 python3.13 python3.12 python3.11 python3 python; do \
	"$$name" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo "$$name" && break; done

help: ## List the targets
	@printf '\n\033[1mimchat\033[0m  make <target>\n\n'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  \033[36m%-13s\033[0m %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@printf '\n'

run: $(VENV)/installed.stamp site ## Install and start imchat on this machine; ARGS="--port 9000" passes options on
	@$(BIN)/imchat local $(ARGS)

test: check-tools $(JS_CLIENT) $(EMULATOR_PACKAGES) $(FUZZER_PACKAGES) ## Everything CI runs: all checks and tests, with one summary; PART="types size" runs these only
	@$(CHECKS) $(PART)

test-fast: $(TOOLS) $(JS_CLIENT) site ## The tests without a browser, an emulator and slow ones; ARGS go to pytest
	@$(BIN)/pytest -q -m "not slow and not browser and not emulator and not budget" $(PARALLEL) $(ARGS)

test-emulator: $(TOOLS) $(EMULATOR_PACKAGES) site ## Deploy to an AWS emulator and run the protocol tests there
	@$(BIN)/pytest -q -m emulator $(ARGS)

soak: $(TOOLS) site ## Kill the server 200 times while clients send; KILLS=20 for 20 times
	@IMCHAT_KILLS=$(or $(KILLS),200) $(BIN)/pytest -q --log-cli-level=INFO tests/e2e/test_kill.py

fuzz: $(TOOLS) $(FUZZER_PACKAGES) site ## Send many random requests to every route, frame and sign-in operation; EXAMPLES=100 for fewer
	@IMCHAT_FUZZ_EXAMPLES=$(or $(EXAMPLES),1000) $(BIN)/pytest -q --log-cli-level=INFO tests/fuzz

bench: $(TOOLS) site ## Benchmark imchat local against a bare server; ARGS="messages --rounds 3" passes options on
	@$(BIN)/python -m bench $(ARGS)

stress: $(TOOLS) site ## Overload imchat local and measure what other users notice; ARGS="page_readers" runs one scenario
	@$(BIN)/python -m bench.stress $(ARGS)

web-budgets: $(TOOLS) site chromium ## Measure the web client on an account with 300 conversations, against one with a single conversation
	@$(BIN)/python -m bench.web_budgets $(ARGS)

check: check-tools ## Style, types, layers, templates, the web client's types, budgets and accessibility; fast
	@$(CHECKS) --static

screenshot: $(TOOLS) site chromium ## Take the README's screenshot again, from the browser tests
	@$(BIN)/pytest -q tests/e2e/test_in_browsers.py -k two_new_users
	@cp build/screenshots/conversation.png docs/images/

generate: $(TOOLS) ## Write the generated files: module lists, OpenAPI, types, tables in docs/, reference pages, test cases, emoji
	@$(BIN)/python -m tools.module_lists
	@$(BIN)/python -m imchat.api.openapi .
	@$(BIN)/python -m tools.generate

format: $(TOOLS) ## Format the Python code and fix what ruff can fix
	@$(BIN)/ruff check --quiet --fix-only $(PYTHON_CODE)
	@$(BIN)/ruff format --quiet $(PYTHON_CODE)

site: $(VENV)/installed.stamp ## Build the web client if its sources changed, and list the templates
	@$(CLIENT)

# A sign-in library from npm; tests sign in with it to imchat local.
$(JS_CLIENT): tests/local/js/package-lock.json $(TOOLS)
	@$(CLIENT) npm ci --prefix ../tests/local/js --ignore-scripts --silent >/dev/null
	@touch $@

# The checkers of the templates have their own environment: they need another boto3 than imchat.
$(CHECKER_PACKAGES): requirements/checkers.lock $(TOOLS)
	@$(SAY) "template checkers"
	@$(BIN)/python -m venv --clear $(CHECKERS)
	@$(CHECKERS)/bin/python -m pip install --quiet --no-deps --require-hashes --no-compile -r $<
	@touch $@

# The emulator of AWS has its own environment: it needs another botocore than imchat.
$(EMULATOR_PACKAGES): requirements/emulator.lock $(TOOLS)
	@$(SAY) "emulator"
	@$(BIN)/python -m venv --clear $(EMULATOR)
	@$(EMULATOR)/bin/python -m pip install --quiet --no-deps --require-hashes -r $<
	@touch $@

# The fuzzer has its own environment: its pytest plugin would slow down every test.
$(FUZZER_PACKAGES): requirements/fuzzer.lock $(TOOLS)
	@$(SAY) "fuzzer"
	@$(BIN)/python -m venv --clear $(FUZZER)
	@$(FUZZER)/bin/python -m pip install --quiet --no-deps --require-hashes -r $<
	@touch $@

# What the parts of `make check` need. npm installs the web client's packages once, before two parts use them at once.
check-tools: $(TOOLS) $(CHECKER_PACKAGES) site chromium
	@$(CLIENT) npm --version >/dev/null

chromium: $(TOOLS)
	@$(BIN)/python -m tests.support.chromium

lock: $(TOOLS) ## Write the lock files (UPGRADE=1: with the newest releases)
	@$(SAY) "Python lock files"
	@$(BIN)/python requirements/compile.py $(if $(UPGRADE),--upgrade)
	@$(SAY) "npm lock file"
	@$(CLIENT) npm $(if $(UPGRADE),update,install) --package-lock-only --ignore-scripts --silent

dist: $(TOOLS) site ## Build the sdist and the wheel into dist/
	@rm -rf dist
	@$(BIN)/python -m hatchling build

clean: ## Remove all build results and installed packages
	@rm -rf $(VENV) build dist frontend/node_modules src/imchat/site src/imchat/deploy/cloudformation/templates.json
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

.PHONY: help run test test-fast test-emulator soak fuzz bench web-budgets stress check check-tools screenshot generate format site chromium lock dist clean
