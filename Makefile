# `make` alone says what there is. Every target makes the environment it needs; the second run does so at once.
# Another Python than python3:  make PYTHON=python3.12 demo

PYTHON ?= python3
BOOTSTRAP := $(PYTHON) tools/bootstrap.py
BIN := .venv/bin
RUN := $(BIN)/python -m

.DEFAULT_GOAL := help
.PHONY: help base dev networks demo test test-slow test-gpu lint bench compare train clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: networks  ## see it work: 3D skeletons from one process received by another
	@$(BIN)/di2pose demo

test: dev  ## make the environment for tests and run them
	@$(BIN)/di2pose fetch
	@$(RUN) pytest -m "not slow and not gpu"

test-slow: dev  ## the long checks as well
	@$(BIN)/di2pose fetch
	@$(RUN) pytest -m "not gpu"

test-gpu: dev  ## what needs an NVIDIA GPU, with a table of times; skipped without one
	@$(BIN)/di2pose fetch
	@$(RUN) pytest -m gpu -rs -s

lint: dev  ## style and types: ruff and mypy
	@$(RUN) ruff check .
	@$(RUN) ruff format --check .
	@$(RUN) mypy

bench: networks  ## how long each stage takes on this machine
	@$(BIN)/di2pose bench

compare: networks  ## frames per second against MediaPipe on VIDEO=..., in an environment of its own
	@test -n "$(VIDEO)" || { echo "usage: make compare VIDEO=clip.mp4"; exit 2; }
	@test -x .venv-mediapipe/bin/python || $(PYTHON) -m venv .venv-mediapipe
	@.venv-mediapipe/bin/python -c "import mediapipe" 2>/dev/null || .venv-mediapipe/bin/pip install -q mediapipe==0.10.21
	@$(BIN)/python tests/benchmarks/compare_mediapipe.py $(VIDEO) --mediapipe-python .venv-mediapipe/bin/python

train:  ## add what training needs (torch, lightning)
	@$(BOOTSTRAP) --extras train
	@echo "The training environment is ready in .venv. Start with: .venv/bin/di2pose train tokenizer --help"

clean:  ## back to a fresh clone; downloaded networks stay in your cache directory
	rm -rf .venv .venv-mediapipe build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

base:
	@$(BOOTSTRAP)

dev:
	@$(BOOTSTRAP) --extras dev

networks: base
	@$(BIN)/di2pose fetch
