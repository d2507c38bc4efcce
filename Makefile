# Two commands need nothing but Python 3.11+ and make: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test setup lint types unit truth docs bench versions lowest with lock clean

# The main job on a generated company; prints where the report is.
demo: .venv/base
	$(BIN)/regulars demo --world cinema --out demo

# One of the companies under examples/ on generated data, as in `make example-cinema`; ROWS=2.4M takes another size.
example-%: .venv/dev
	$(BIN)/python -m examples $* $(if $(ROWS),--rows $(ROWS))

# Lint, types, then unit, contract, golden and published tests.
test: setup lint types unit

setup: .venv/dev

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/dev
	$(BIN)/mypy

unit: .venv/dev
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadgroup

# The documentation as a site in site/, drawn without the network; a link that leads nowhere is an error.
docs: .venv/dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# The quicker tests and the main job on every other Python that is here, or on those named: VERSIONS="3.13 /opt/python/bin/python".
QUICK := tests/core tests/engine tests/intake tests/measures tests/methods tests/models tests/test_cli.py
VERSIONS ?= 3.12 3.13 3.14
versions: .venv/dev
	for version in $(VERSIONS); do \
	    found=$$(PYENV_VERSION=$$version $(BIN)/uv python find --no-project --system $$version 2>/dev/null) || { echo "Python $$version is not here"; continue; }; \
	    name=$$($$found -c "import sys; print('%d.%d' % sys.version_info[:2])"); \
	    $(MAKE) --no-print-directory with ALONE=.venv/with-$$name WITH=$$found PINS="--require-hashes -r requirements/dev.txt" || exit 1; \
	done

# The same with the lowest versions that pyproject.toml says it works with.
lowest: .venv/dev
	$(BIN)/uv pip compile --quiet --resolution lowest-direct --python-version 3.11 --no-annotate --no-header pyproject.toml --extra forecast --extra survival --extra dashboard --extra excel --extra spark --group build --group dev -o .venv/lowest.txt
	$(MAKE) --no-print-directory with ALONE=.venv/lowest WITH=$(BIN)/python PINS="-r .venv/lowest.txt"

with:
	$(BIN)/uv venv --quiet --allow-existing --python $(WITH) $(ALONE)
	$(BIN)/uv pip install --quiet --python $(ALONE)/bin/python $(PINS)
	$(BIN)/uv pip install --quiet --python $(ALONE)/bin/python --no-deps --no-build-isolation -e .
	PYSPARK_PYTHON=$(CURDIR)/$(ALONE)/bin/python OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(ALONE)/bin/python -m pytest -n 2 --dist loadgroup -p no:cacheprovider $(QUICK)
	$(ALONE)/bin/regulars demo --world cinema --rows 5000 --out $(ALONE)/demo --quiet

bench: .venv/dev
	$(BIN)/python -m benchmarks

# What is installed is pinned with hashes; a stamp remembers which pins.
.venv/uv: requirements/uv.txt
	$(PYTHON) -c "import sys; sys.exit('Python 3.11 or newer is needed, this is ' + sys.version.split()[0] if sys.version_info < (3, 11) else 0)"
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	touch $@

.venv/base: .venv/uv requirements/base.txt pyproject.toml
	test -e .venv/dev || $(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/base.txt
	test -e .venv/dev || $(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	touch $@

.venv/dev: .venv/uv requirements/dev.txt pyproject.toml
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	touch $@ .venv/base

# Pins for every platform and Python from 3.11 on; no package index is named in them.
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --custom-compile-command "make lock"
lock: .venv/uv
	echo "uv" | $(COMPILE) - -o requirements/uv.txt
	$(COMPILE) pyproject.toml --group build -o requirements/base.txt
	$(COMPILE) pyproject.toml --all-extras -o requirements/all.txt
	$(COMPILE) pyproject.toml --extra forecast --extra survival --extra dashboard --extra excel --extra spark --group build --group dev --group docs -o requirements/dev.txt

clean:
	rm -rf .venv demo runs dist
