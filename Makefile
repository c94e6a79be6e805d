# make demo   the main job on the bundled clip: in the window, or headless into demo-output/
# make app    the program
# make test   every test, in two processes   (ARGS="tests/core -k video" for some, WORKERS=0 for one process)
# make check  lint, types, import rules
# make bench  how fast the engine and the video reader are here
# make lock   the newest versions of all packages into .ci/constraints.txt; run make test after it
# make help   this list
#
# The first of these builds $(VENV), once. demo, app and bench install what the program needs;
# test and check add their tools. CONSTRAINTS= takes the newest packages in place of the tested ones.

PYTHON ?= python3
VENV ?= .venv
CONSTRAINTS ?= .ci/constraints.txt
ARGS ?=
WORKERS ?= 2
BIN = $(VENV)/bin
unexport PYTHONPATH PYTHONHOME  # what $(VENV) holds, and nothing else
READY = $(VENV)/.installed
TOOLS = $(VENV)/.installed-tools
INSTALL = $(BIN)/python -P -m pip install --quiet --disable-pip-version-check $(addprefix --constraint ,$(CONSTRAINTS))

.PHONY: demo app test check bench lock help

demo: $(READY)
	@$(BIN)/jmpose demo --out demo-output $(ARGS)

app: $(READY)
	@$(BIN)/jmpose app $(ARGS)

test: $(TOOLS)
	@QT_QPA_PLATFORM=$${QT_QPA_PLATFORM:-offscreen} OMP_NUM_THREADS=$${OMP_NUM_THREADS:-1} \
	  $(BIN)/python -P -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

check: $(TOOLS)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports
	@$(BIN)/pyright --pythonpath $(BIN)/python

bench: $(READY)
	@$(BIN)/jmpose bench engine $(ARGS)
	@$(BIN)/jmpose bench scrub

lock: $(READY)
	@$(BIN)/python -P -m pip install --quiet --dry-run --ignore-installed --report $(VENV)/lock.json '.[dev,train]'
	@$(BIN)/python -P .ci/lock.py $(VENV)/lock.json > $(VENV)/constraints.txt
	@mv $(VENV)/constraints.txt .ci/constraints.txt
	@git --no-pager diff --stat .ci/constraints.txt 2>/dev/null || true

help:
	@sed -n 's/^# \{0,1\}//p; /^$$/q' Makefile

$(READY): pyproject.toml $(CONSTRAINTS)
	@command -v $(PYTHON) >/dev/null || { \
	  echo "Python 3.11 or newer is needed, and there is no '$(PYTHON)' here. Install it, or name one: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed; '$(PYTHON)' is $$($(PYTHON) --version 2>&1). Name another: make PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -P -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "'$(PYTHON)' cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo "Setting up $(VENV), once: this downloads PyTorch and Qt and takes a few minutes."
	@$(PYTHON) -P -m venv $(VENV)
	@$(INSTALL) --editable .
	@touch $@

$(TOOLS): $(READY)
	@echo "Adding the tools of make test and make check to $(VENV), once."
	@$(INSTALL) --editable '.[dev]'
	@touch $@
