# Two commands need nothing before them: make demo, make test.
.DEFAULT_GOAL := help
BIN := .venv/bin
export PYTHONPATH := $(CURDIR)/include

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t14

setup: .venv/ready ## Python packages, JDK and Maven checked
.venv/ready: requirements-dev.txt scripts/setup.sh pyproject.toml
	@sh scripts/setup.sh
	@touch $@

demo: setup ## everything with a small news site; ONCE=1 stops at the end
	$(BIN)/rasid demo $(if $(ONCE),--once)

up: setup ## the real feed list, schedule on
	$(BIN)/rasid up

down: ## stop what up started
	$(BIN)/rasid down

# Two workers, each with a node of its own; the tests of a file share what their fixtures set up.
test: setup lint ## the whole suite but the long ones
	$(BIN)/python -m pytest -m "not slow" -n 2 --dist loadfile

test-all: setup lint ## the long ones too
	$(BIN)/python -m pytest

screenshots: setup ## renew docs/images/airflow-*.png from a real Airflow and browser
	$(BIN)/python -m pytest tests/ui --pictures docs/images

lint: setup ## ruff, mypy, import rules, spelling
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell

model: setup ## train the verifier anew (needs ../shared)
	sh scripts/train_model.sh

bench: setup ## measurements, side by side
	@for f in bench/*.py; do echo "== $$f"; $(BIN)/python $$f || exit 1; done

lock: ## compile the pinned requirements
	$(BIN)/uv pip compile -q --python-version 3.11 --no-emit-index-url --override overrides.txt requirements.in -o requirements.txt
	$(BIN)/uv pip compile -q --python-version 3.11 --no-emit-index-url --override overrides.txt requirements-dev.in -o requirements-dev.txt

clean: down ## what was built and downloaded for this checkout
	rm -rf .venv .rasid .mypy_cache .ruff_cache .pytest_cache

.PHONY: help setup demo up down test test-all screenshots lint model bench lock clean
