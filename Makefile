# The tasks of every day; `make check` is what is asked of every change.
PYTHON ?= python

.PHONY: install test fast slow lint bench docs check

install:  ## dubtool and what its developers need, at the versions that were tested together
	$(PYTHON) -m pip install -c constraints.txt -e ".[dev]"

test:  ## everything but what is slow or needs a GPU
	$(PYTHON) -m pytest

fast:  ## what takes seconds: no job from end to end, no training
	$(PYTHON) -m pytest tests/test_architecture.py tests/face tests/tracking tests/models tests/metrics tests/speech tests/weights tests/cli

slow:  ## what takes minutes
	$(PYTHON) -m pytest -m slow

lint:
	ruff check
	ruff format --check
	mypy

bench:  ## speed and memory on this machine
	$(PYTHON) benchmarks/speed.py
	$(PYTHON) benchmarks/memory.py

docs:  ## pages that are made from the code
	$(PYTHON) docs/make_commands.py
	$(PYTHON) docs/make_man.py

check: lint test
