# `make demo` and `make test` are all a newcomer needs: on a machine with Python 3.11+ they set up
# everything they use inside this folder (.venv, node_modules, .cache) and nothing outside it.

PYTHON ?= python3
VENV   := .venv
PY     := $(VENV)/bin/python
ARGS   ?=

# Node and npm come from PyPI into the same environment, so its folder leads the path.
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export PYTHONDONTWRITEBYTECODE := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-fast test-contracts test-long test-ipfs forge slither mutants gas check format snapshots bench lock clean

help: ## Show what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'

$(VENV)/.ready: requirements.lock pyproject.toml scripts/check_python.py
	@$(PYTHON) scripts/check_python.py
	@echo "set-up 1/4: python environment (about a minute, once)"
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@$(PY) -m pip install --quiet --require-hashes -r requirements.lock
	@$(PY) -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

node_modules/.ready: package.json package-lock.json $(VENV)/.ready
	@echo "set-up 2/4: chain tools (anvil, forge, solc, OpenZeppelin)"
	@# not `npm ci`: the lock can hold only the platform packages that its writer's registry had;
	@# without peers: one package carries Permit2's code, and would bring all of Hardhat to be used from
	@$(VENV)/bin/npm install --no-save --legacy-peer-deps --ignore-scripts --no-audit --no-fund --silent
	@touch $@

.cache/.ready: node_modules/.ready scripts/install_solc.py
	@echo "set-up 3/4: compiler"
	@$(PY) -m scripts.install_solc
	@echo "set-up 4/4: contracts and EZKL's verifier (half a minute, once)"
	@$(PY) -m scripts.compile_contracts
	@$(PY) -m scripts.ezkl_verifier > /dev/null
	@touch $@

setup: .cache/.ready ## Set up everything (the other targets call it)
	@$(PY) -m scripts.compile_contracts

demo: setup ## Play a market: five scenes on a local chain, from a proven job to a caught cheat (ARGS=--json for machines)
	@$(PY) -m scripts.demo $(ARGS)

test: setup ## Run the whole suite: unit, contracts, integration, end to end
	@$(PY) -m scripts.run_tests $(ARGS)

test-fast: setup ## Unit tests only
	@$(PY) -m pytest tests/unit $(ARGS)

test-contracts: setup ## Contract scenarios under Brownie
	@$(PY) -m scripts.run_tests --only contracts $(ARGS)

forge: setup ## Fuzz and invariant campaigns alone (ARGS=--long, --seed 0x1, --match-test NAME -vvv)
	@$(PY) -m scripts.forge_tests $(ARGS)

mutants: setup ## Break each guarded rule of the contracts on purpose, and see a test fail for it
	@$(PY) -m scripts.mutants $(ARGS)

gas: setup ## Measure the gas of every step, beside what others publish (ARGS=--write for the snapshot)
	@$(PY) -m scripts.gas $(ARGS)

slither: setup ## Static analysis: every finding is explained (ARGS=--write adds new ones)
	@$(PY) -m scripts.static_analysis $(ARGS)

test-long: setup ## Static analysis, and everything with the longer campaigns
	@$(PY) -m scripts.static_analysis
	@$(PY) -m scripts.run_tests --long $(ARGS)

test-ipfs: setup ## Install a real IPFS daemon, start it, run the store's suite against it
	@$(PY) -m scripts.run_ipfs_tests $(ARGS)

check: setup ## Lint, types, import rules, snapshots, sizes
	@$(PY) -m scripts.check $(ARGS)

format: setup ## Rewrite the Python sources in the house style
	@$(VENV)/bin/ruff format . && $(VENV)/bin/ruff check --fix --quiet .

snapshots: setup ## Rewrite the committed snapshots: ABIs, sizes, storage, OpenAPI
	@$(PY) -m scripts.export_snapshots

bench: setup ## Measure and rewrite the tables of docs/benchmarks.md
	@$(PY) -m scripts.bench $(ARGS)

lock: $(VENV)/.ready ## Resolve requirements.in anew into requirements.lock
	@$(PY) -m scripts.lock

clean: ## Remove everything that set-up and builds made
	rm -rf $(VENV) node_modules .cache build reports interfaces
