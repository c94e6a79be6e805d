# make demo   the main job on the bundled clip: in the window, or headless into demo-output/
# make app    the program
# make test   every test          (ARGS="tests/core -k video" for some)
# make check  lint, types, import rules
# make bench  how fast the engine and the video reader are here
#
# The first of these builds $(VENV); after that none takes any set-up time.

PYTHON ?= python3
VENV ?= .venv
ARGS ?=
BIN = $(VENV)/bin
unexport PYTHONPATH PYTHONHOME  # what $(VENV) holds, and nothing else
READY = $(VENV)/.installed

.PHONY: demo app test check bench

demo: $(READY)
	@$(BIN)/jmpose demo --out demo-output $(ARGS)

app: $(READY)
	@$(BIN)/jmpose app $(ARGS)

test: $(READY)
	@QT_QPA_PLATFORM=$${QT_QPA_PLATFORM:-offscreen} $(BIN)/python -P -m pytest $(ARGS)

check: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports
	@$(BIN)/pyright --pythonpath $(BIN)/python

bench: $(READY)
	@$(BIN)/jmpose bench engine $(ARGS)
	@$(BIN)/jmpose bench scrub

$(READY): pyproject.toml
	@command -v $(PYTHON) >/dev/null || { \
	  echo "Python 3.11 or newer is needed, and there is no '$(PYTHON)' here. Install it, or name one: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed; '$(PYTHON)' is $$($(PYTHON) --version 2>&1). Name another: make PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "'$(PYTHON)' cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo "Setting up $(VENV), once: this downloads PyTorch and Qt and takes a few minutes."
	@$(PYTHON) -P -m venv $(VENV)
	@$(BIN)/python -P -m pip install --quiet --editable '.[dev]'
	@touch $@
