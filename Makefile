# The two main commands are `make demo` and `make test`. Both create .venv if it does not exist.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help demo test test-all bench soak stress check format dashboards screenshots clean

help:
	@echo 'make demo    run an embedded PostgreSQL with simulated traffic, and the exporter on it'
	@echo 'make test    run the fast tests, which cover each behaviour once'
	@echo 'make test-all  run all tests: also mutations, soak, stress and long property tests'
	@echo 'make bench   run the benchmarks; see benchmarks/README.md'
	@echo 'make soak    inject one fault a second for SOAK_SECONDS=3600'
	@echo 'make stress  run an application, exporters, persons and crashes for STRESS_SECONDS=60'
	@echo 'make check   check lint, format, types and the direction of imports'
	@echo 'make format  format the code and apply safe fixes'
	@echo 'make dashboards  generate dashboards/json'
	@echo 'make screenshots  make the pictures in docs/images, with chromium'
	@echo 'make clean   remove .venv and caches'

demo: .venv/demo.stamp
	@$(BIN)/session-exporter demo

# More workers than cores: many tests wait, for a deadline or for a server. Fewer for the slow ones,
# among which are those that compare times. Each worker imports all tests, so that what Python
# compiles is kept even where the environment says otherwise.
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/pytest --dist loadfile --no-loadscope-reorder

test-all: export REAL_PROGRAMS = 1
test test-all: .venv/dev.stamp
	$(PYTEST) -n 5 -m 'not slow'
	$(if $(filter test-all,$@),$(PYTEST) -n 3 -m slow)

bench: .venv/dev.stamp
	$(BIN)/python -m benchmarks

soak: .venv/dev.stamp
	SOAK_SECONDS=$${SOAK_SECONDS:-3600} $(BIN)/pytest -m slow tests/faults/process/test_soak.py

stress: .venv/dev.stamp
	STRESS_SECONDS=$${STRESS_SECONDS:-60} $(BIN)/pytest -s tests/faults/stress

check: .venv/dev.stamp
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/dev.stamp
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

dashboards: .venv/dev.stamp
	$(BIN)/python -m dashboards

screenshots: .venv/dev.stamp
	$(BIN)/python docs/screenshots.py

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis

.venv/bin/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit(f"$(PYTHON) is Python {v[0]}.{v[1]}; session-exporter needs 3.11 or newer: make PYTHON=python3.11 $(MAKECMDGOALS)")'
	$(PYTHON) -m venv .venv

.venv/demo.stamp: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[demo]'
	@touch $@

.venv/dev.stamp: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[demo,dev]'
	@touch $@ .venv/demo.stamp
