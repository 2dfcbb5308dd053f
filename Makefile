# Two commands do everything on a fresh machine: `make run` and `make test`.
# Debian builds its Python with profile-guided optimisation: the hot path gains a fifth.
PYTHON ?= $(or $(wildcard /usr/bin/python3),python3)
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: help run setup test test-full check lab bench docs clean

help:  ## what there is to make
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

run: setup  ## scan the recorded incident and show who sent the spam
	@$(BIN)/python -m whosent.demonstration

setup: $(VENV)/.ready  ## make the virtual environment (again only if pyproject.toml changed)

$(VENV)/.ready: pyproject.toml hatch_build.py $(wildcard native/*)
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		bash tests/lab/packages.sh build || echo "without these packages Whosent works all the same, only slower"; fi
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Whosent needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/pip install --quiet --editable '.[all]' --group dev
	@touch $@

test: setup packages  ## prove everything: style, types, structure, docs, tests, lab
	$(BIN)/python -m tests.prove

test-full: setup packages  ## the same with longer fuzzing and larger simulations
	WHOSENT_TEST_FULL=1 $(BIN)/python -m tests.prove

packages:  ## Debian packages of the lab and the browser (as root on Debian; elsewhere those tests skip)
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then bash tests/lab/packages.sh all; \
		else echo "not root on Debian: the tests of the lab and the browser will skip"; fi

lab: setup packages  ## record the samples again from real servers
	$(BIN)/python -m tests.lab.record

bench: setup packages  ## speed, memory and detection of an installed wheel beside the peers
	$(BIN)/pip install --quiet --group bench
	rm -rf build/wheel build/installed
	$(BIN)/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir build/wheel .
	$(BIN)/python -m zipfile --extract build/wheel/*.whl build/installed
	$(BIN)/python -m compileall -q build/installed  # as pip does when it installs
	PYTHONPATH=build/installed $(BIN)/python -m benchmarks

docs: setup  ## build the documentation
	$(BIN)/cog -r $$(grep -lr --include='*.md' '\[\[\[cog' docs README.md)
	$(BIN)/sphinx-build -q -W -b html docs docs/_build

clean:  ## remove what was built
	rm -rf $(VENV) build dist docs/_build .mypy_cache .ruff_cache .pytest_cache .hypothesis
