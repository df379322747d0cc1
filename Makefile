# make demo   simulate, train, apply and evaluate the task lcag; results in demo/
# make test   style, types, tests and notebooks
# PYTHON=... chooses the interpreter of the virtual environment VENV (default .venv).

VENV ?= .venv
PYTHON ?=
PIP = $(VENV)/bin/python -m pip install --quiet --constraint constraints.txt
PPHYSML = $(VENV)/bin/pphysml
NOTEBOOKS = $(wildcard notebooks/*.ipynb)
REQUIREMENTS = pyproject.toml setup.py constraints.txt

.PHONY: demo test clean
.DELETE_ON_ERROR:

demo: $(VENV)/.installed
	rm -rf demo/events.root demo/run demo/trees.root demo/report
	mkdir -p demo
	$(PPHYSML) simulate lcag --preset quick --seed 7 -n 2000 -o demo/events.root
	$(PPHYSML) inspect demo/events.root
	$(PPHYSML) train lcag --preset quick -o demo/run
	$(PPHYSML) lcag --input demo/events.root --model demo/run -o demo/trees.root
	$(PPHYSML) evaluate lcag demo/events.root --model demo/run -o demo/report
	@echo "Decay trees: demo/trees.root. Reports and plots: demo/report/."

test: $(VENV)/.installed-dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/python -m pytest -n 2 tests $(if $(NOTEBOOKS),--nbmake notebooks)

clean:
	rm -rf demo build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache

$(VENV)/.installed: $(VENV)/bin/python $(REQUIREMENTS)
	$(PIP) --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/bin/python $(REQUIREMENTS)
	$(PIP) --editable '.[dev]'
	@touch $@ $(VENV)/.installed

$(VENV)/bin/python:
	@for python in $(PYTHON) python3.11 python3.12 python3; do \
	  if "$$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    exec "$$python" -m venv $(VENV); \
	  fi; \
	done; \
	echo "pphysml needs Python 3.11 or newer, with its venv module; none was found." \
	     "Install one, or name it: make PYTHON=/path/to/python3.11" >&2; exit 1
