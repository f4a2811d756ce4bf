# Each target sets up by itself what it needs, in .venv at the root; the second run reuses it.
# Needed on the machine: Python 3.11 or newer, git, make.

PYTHON := .venv/bin/python
SCRIPTS := .ci/run $(wildcard *.sh) $(wildcard */*.sh)

.DEFAULT_GOAL := help
.PHONY: help demo backfill-demo backfill-demo-all test campaign lint bench clean

help:  ## Say what there is to run
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' Makefile

demo: .venv/.installed  ## Load one week of 13 simulated restaurants on this machine and compare it with the truth
	@$(PYTHON) -m local_stack.demo $(ARGS)

backfill-demo: .venv/.installed  ## Prove the backfill: 13 restaurants, 60 weeks of orders, half an hour (ARGS="--weeks 4" for less)
	@$(PYTHON) -m local_stack.backfill_demo $(ARGS)

backfill-demo-all: .venv/.installed  ## The same with cash and labor, 40 minutes
	@$(PYTHON) -m local_stack.backfill_demo --functions orders,cash,labor $(ARGS)

# Two at a time, a file always in one piece: the servers and the SQL analyser that a file needs start once for it.
test: .venv/.installed  ## Run the whole test suite (ARGS="-k name" for a part of it)
	$(PYTHON) -m pytest -n 2 --dist loadfile $(ARGS)

campaign: .venv/.installed  ## Run the long tests: weeks of data, faults (ARGS="-k five_weeks" for one)
	$(PYTHON) -m pytest tests/campaigns --durations=10 $(ARGS)

lint: .venv/.installed  ## Check style, types and shell scripts
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	@if [ -x .venv/bin/shellcheck ]; then echo .venv/bin/shellcheck $(SCRIPTS); .venv/bin/shellcheck $(SCRIPTS); \
	else echo "shellcheck is not packaged for this platform: shell scripts were not checked"; fi

bench: .venv/.installed  ## Measure speed, memory and cost, ten minutes (ARGS="page memory" for some)
	@local_stack/setup_environment.sh benchmarks/dlt.txt
	@$(PYTHON) -m benchmarks $(ARGS)

clean:  ## Remove what the other targets made: .venv, .data with the demo's tables, caches
	rm -rf .venv .data build .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.installed: requirements.txt constraints.txt pyproject.toml local_stack/setup.sh local_stack/tasks-emulator.txt
	@local_stack/setup.sh
