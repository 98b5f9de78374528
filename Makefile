# make              the environment, then the sample trial to its figure, table and report
# make environment  only the environment, in .venv, from requirements.lock
# make recording    a real, public recording from raw EMG to ΔF
# make test         the tests (make test-slow: those that need minutes)
# make lint         formatting, lints, types
# make lock         write requirements.lock anew from pyproject.toml
# make clean        remove the environment and everything that runs wrote

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SNAKEMAKE := $(BIN)/snakemake --cores all
STAMP := $(VENV)/.installed-from-the-lock

.DEFAULT_GOAL := sample
.PHONY: sample recording environment test test-slow lint lock clean

sample: environment
	@$(MAKE) --no-print-directory run CONFIG=config/config.yaml RESULTS=results/sample

recording: environment
	@$(MAKE) --no-print-directory run CONFIG=config/vastus_lateralis/config.yaml RESULTS=results/vastus_lateralis

# The report is written anew only when the run wrote something after it.
.PHONY: run
run:
	@$(SNAKEMAKE) --configfile $(CONFIG)
	@if [ ! -f $(RESULTS)/report/report.html ] || \
	    [ -n "$$(find $(RESULTS)/figures $(RESULTS)/tables $(RESULTS)/statistics -newer $(RESULTS)/report/report.html -type f)" ]; then \
	  mkdir -p $(RESULTS)/report && \
	  $(SNAKEMAKE) --configfile $(CONFIG) --quiet --report $(RESULTS)/report/report.html; \
	else echo "Everything is up to date; nothing was done."; fi
	@echo "Figure: $(RESULTS)/figures/delta_f.png"
	@echo "Table:  $(RESULTS)/tables/delta_f.html (and .csv)"
	@echo "Report: $(RESULTS)/report/report.html"

environment: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON). Name a Python of 3.11 or newer: make PYTHON=…"; exit 1; }
	@$(PYTHON) workflow/check_python.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

test: environment
	$(BIN)/python -m pytest --numprocesses 2

test-slow: environment
	$(BIN)/python -m pytest --numprocesses 2 -m slow

lint: environment
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow/rules
	$(BIN)/snakemake --lint
	$(BIN)/mypy

# uv lives in a throw-away environment; the lock names no registry.
lock: environment
	rm -rf build/uv && $(PYTHON) -m venv build/uv
	build/uv/bin/python -m pip install --quiet --disable-pip-version-check uv
	build/uv/bin/uv pip compile pyproject.toml --extra development --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-emit-find-links --no-header \
	  --output-file requirements.lock

clean:
	rm -rf $(VENV) build .snakemake data
	find results -mindepth 1 -maxdepth 1 ! -name README.md -exec rm -rf {} +
