# make              the environment, then the sample trial to its figure, table and report
# make environment  only the environment, in .venv, from requirements.lock
# make recording    a real, public recording from raw EMG to ΔF
# make trial        the trial of CONFIG: make trial CONFIG=config/my_trial/config.yaml
# make verify       the results of CONFIG against what is expected of them
# make expected     the results of CONFIG become what is expected
# make bundle       an archive for reviewers: all but raw data and what is made from the tables
# make reproduce    in an unpacked archive: make what it lacks from its tables, then verify
# make docs         the documentation site, in build/site
# make test         the tests (make test-slow: those that need minutes)
# make benchmark    the decomposition beside other tools (hours)
# make qc           the mixed models of CONFIG once more in R, compared number by number (make qc INSTALL=yes installs R)
# make oracle       openhdemg in an environment of its own, for tests that hold ΔF against it
# make lint         formatting, lints, types
# make lock         write requirements.lock anew from pyproject.toml
# make clean        remove the environment and everything that runs wrote
# PYTHON names the Python that the environment is made with: make PYTHON=python3.12

PYTHON ?= python3
CONFIG ?= config/config.yaml
BIN := .venv/bin
ORACLE := build/oracle
STAMP := .venv/.installed-from-the-lock
RESULTS = $(shell sed -n 's/^results: *\([^ \#]*\).*/\1/p' $(CONFIG))
EXPECTED = $(dir $(CONFIG))expected
PLAN = $(shell sed -n 's/^trial: *\([^ \#]*\).*/\1/p' $(CONFIG))
REPORT = $(RESULTS)/report/report.html
R_PACKAGES := r-base-core r-cran-lme4 r-cran-lmertest r-cran-emmeans r-cran-pbkrtest
R_IS_THERE = Rscript --vanilla -e 'for (name in c("lmerTest", "pbkrtest", "emmeans")) loadNamespace(name)' >/dev/null 2>&1
SNAKEMAKE = $(BIN)/python workflow/run_alone.py $(BIN)/snakemake --workflow-profile workflow/profiles/default --cores all --configfile $(CONFIG)

.DEFAULT_GOAL := trial
.PHONY: trial recording environment verify expected bundle reproduce docs test test-slow oracle benchmark qc lint lock clean

# The report is written anew only where the run wrote something after it.
trial: environment
	@$(SNAKEMAKE)
	@mkdir -p $(RESULTS)/report
	@if [ ! -f $(REPORT) ] || [ -n "$$(find $(RESULTS)/benchmarks -newer $(REPORT) -type f)" ]; then \
	  echo "Writing the report"; $(SNAKEMAKE) --quiet all --report $(REPORT).unfinished.html && mv $(REPORT).unfinished.html $(REPORT); \
	else echo "Everything is up to date: there was nothing to do."; fi
	@$(BIN)/pictrial lineage $(RESULTS)
	@echo "Figures: $(RESULTS)/figures/"
	@ls $(RESULTS)/figures/*.png | sed 's/^/         /'
	@echo "Tables:  $(RESULTS)/tables/"
	@ls $(RESULTS)/tables/*.html | sed 's/^/         /'
	@echo "Report:  $(REPORT)"

recording:
	@$(MAKE) --no-print-directory trial CONFIG=config/vastus_lateralis/config.yaml

verify: environment
	@$(BIN)/pictrial verify $(RESULTS) --expected $(EXPECTED)

expected: environment
	@$(BIN)/pictrial verify $(RESULTS) --expected $(EXPECTED) --write --replace

bundle: environment
	@$(BIN)/pictrial bundle $(CONFIG) --output build/reviewers.tar.gz

reproduce: environment
	@$(SNAKEMAKE) --rerun-triggers mtime
	@$(MAKE) --no-print-directory verify

docs: environment
	@$(BIN)/python docs/build_site.py

environment: $(STAMP)

$(STAMP): requirements.lock pyproject.toml workflow/check_python.py
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON). Name a Python of 3.11 or newer: make PYTHON=..."; exit 1; }
	@$(PYTHON) workflow/check_python.py
	@echo "Building the environment in .venv (needs the network, some minutes)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

test: environment
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

test-slow: environment oracle
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile -m slow

oracle: $(ORACLE)/.installed

# Without the libraries of its windows, which are the larger part of it.
$(ORACLE)/.installed: benchmarks/peers/requirements-openhdemg.txt
	rm -rf $(ORACLE)
	$(PYTHON) -m venv $(ORACLE)
	grep -vE '^(PySide6|shiboken6)' $< > $(ORACLE)/requirements.txt
	$(ORACLE)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --requirement $(ORACLE)/requirements.txt
	@touch $@

benchmark: recording
	$(BIN)/python benchmarks/decomposition.py time
	$(BIN)/python benchmarks/decomposition.py yield
	$(BIN)/python benchmarks/decomposition.py render

# After `make trial`. R is optional: nothing else needs it.
qc: environment
	@$(R_IS_THERE) || [ -z "$(INSTALL)" ] || { apt-get update -qq && apt-get install --no-install-recommends -y $(R_PACKAGES); }
	@$(R_IS_THERE) || { echo "There is no R with lmerTest, pbkrtest and emmeans. Debian: $(R_PACKAGES); make qc INSTALL=yes installs them."; exit 1; }
	@$(BIN)/python qc/export_fits.py $(PLAN) $(RESULTS)
	@Rscript --vanilla qc/mixed_models.R $(RESULTS)
	@$(BIN)/python qc/compare_with_r.py $(RESULTS)

lint: environment
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow/rules
	$(BIN)/snakemake --lint
	$(BIN)/mypy

# uv lives in a throw-away environment; the lock names no registry.
lock: environment
	rm -rf build/uv
	$(PYTHON) -m venv build/uv
	build/uv/bin/python -m pip install --quiet --disable-pip-version-check uv
	build/uv/bin/uv pip compile pyproject.toml --extra development --extra slurm --extra s3 --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --quiet \
	  --output-file requirements.lock
	rm -rf build/uv

clean:
	rm -rf .venv build data .snakemake .pytest_cache .hypothesis .ruff_cache .mypy_cache
	find results -mindepth 1 -maxdepth 1 ! -name README.md -exec rm -rf {} +
