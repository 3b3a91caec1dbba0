# make setup | serve | test | sanitize | lint | engine | pages | clean
PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := .make
ENGINE := $(wildcard sfu/engine/*.pyx sfu/engine/*.pxd load_tests/*.pyx load_tests/*.pxd)
PAGES  := $(shell find web -type f -not -path '*/node_modules/*' -not -path '*/dist/*' 2>/dev/null)

.PHONY: setup serve test sanitize lint lint-web engine pages clean system-packages

setup: $(STAMP)/python $(STAMP)/engine $(STAMP)/pages

serve: setup
	$(BIN)/tongke serve --demo $(ARGS)

# As many processes as processors share the files, one of them the browsers (tests/conftest.py): with one more, what
# is measured in real time and what a browser waits for come too late now and then.
PROCESSES = $(shell getconf _NPROCESSORS_ONLN)
# Where what is measured is real time itself, the machine is theirs.
ALONE := tests/browser/test_player.py tests/scenarios/test_proof.py

# Servers are started a hundred times, each from hundreds of files, which are compiled once whatever the environment says.
test: export PYTHONDONTWRITEBYTECODE :=
test: setup system-packages
	$(BIN)/python web/build.py run test
	$(BIN)/python -m pytest $(or $(ARGS),-n $(PROCESSES) --dist loadfile $(ALONE:%=--ignore=%))
	$(if $(ARGS),,$(BIN)/python -m pytest $(ALONE))

# The engine's tests and the short fuzzing once more, with AddressSanitizer and UndefinedBehaviorSanitizer.
sanitize: setup
	$(BIN)/python tests/sanitize.py $(ARGS)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(MAKE) --no-print-directory lint-web

lint-web: setup
	$(BIN)/python web/build.py run lint

engine: $(STAMP)/engine
pages: $(STAMP)/pages

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(STAMP)/python: pyproject.toml $(VENV)/bin/python
	mkdir -p $(STAMP)
	$(BIN)/python -m pip install --quiet --upgrade pip
	TONGKE_COMPILE=later $(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

$(STAMP)/engine: setup.py $(ENGINE) | $(STAMP)/python
	$(BIN)/python setup.py --quiet build_ext --inplace --parallel 2
	touch $@

$(STAMP)/pages: $(PAGES) | $(STAMP)/python
	$(BIN)/python web/build.py
	touch $@

# What the tests need beside Python: a browser, PostgreSQL, Redis, a TURN server and nginx, from the system's packages.
system-packages:
	@sh tests/system-packages.sh

clean:
	rm -rf $(VENV) $(STAMP) build node_modules web/node_modules signaling/pages
	find sfu load_tests -name '*.so' -delete -o -name '*.c' -delete
