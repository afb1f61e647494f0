# Two commands are all a fresh machine needs: `make demo` runs the main job, `make test` the tests.
# Both set up .venv from requirements.lock first, once. Every path here is relative: a checkout's path may hold spaces.

# The first of these that is Python 3.11 or newer; name another with `make PYTHON=/path/to/python3.12 test`.
PYTHON ?= $(shell for python in python3.11 python3 python3.12 python3.13; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$python" && break; done)
# Further arguments for pytest or for the demo: `make test ARGS="-k scanner"`.
ARGS ?=
# Processes that tests run in. Each begins with one half of them in the order of the files, so that a fixture of a
# module is mostly made once; the one that is done first takes over a half of what the other has left.
WORKERS ?= 2

BIN := .venv/bin
LOCKED := .venv/.locked
READY := .venv/.ready
LOCKER := .venv/locker
COMPILE = $(LOCKER)/bin/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-annotate --no-header --quiet

PYTEST = $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist worksteal
FAST = not (ray or kills or browser or real_text or slow or exhaustive)

# Ray reports its usage to its makers unless told not to.
export RAY_USAGE_STATS_ENABLED := 0
# Otherwise each process of the tests would compile every module of ours, and pytest every assertion, again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo check test on-ray without-ray exhaustive exhaustive-on-ray exhaustive-without-ray compiled kernels interpreted bounds-checked lint format docs lock image fresh clean
.DEFAULT_GOAL := help

help:
	@echo "make demo     set up .venv, train, re-tokenize, compare languages, write runs/demo/report/report.html"
	@echo "make check    ruff, strict mypy, the fast tests: before each commit"
	@echo "make test     set up .venv, run the tests"
	@echo "make exhaustive  what the tests take samples of, whole"
	@echo "make kernels  the kernel tests again: interpreted, then with bounds checked"
	@echo "make lint     ruff, strict mypy, hadolint"
	@echo "make format   let ruff mend what it can"
	@echo "make docs     build the documentation as a searchable site, strictly, into site/"
	@echo "make lock     write the lock files anew from pyproject.toml (needs the network)"
	@echo "make image    build the container image babelmerge (needs docker)"
	@echo "make fresh    remove compiled kernels and other caches"
	@echo "make clean    remove .venv and every cache; results under runs/ stay"

setup: $(READY)

demo: $(READY)
	$(BIN)/babelmerge demo $(ARGS)

check: compiled
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(PYTEST) -m "$(FAST)" $(ARGS)

# Tests on Ray wait a lot, so the others run beside them; at a lower priority, as a cluster that starts beside busy
# processes may give up. pytest ends with status 5 where ARGS, if given, chooses no test of a half.
test: compiled
	$(MAKE) --no-print-directory --jobs 2 on-ray without-ray

on-ray: $(READY)
	$(BIN)/python -m pytest -m "not exhaustive and ray" $(ARGS) $(if $(ARGS),|| [ $$? = 5 ])

without-ray: $(READY)
	nice -n 10 $(PYTEST) -m "not exhaustive and not ray" $(ARGS) $(if $(ARGS),|| [ $$? = 5 ])

# hypothesis marks the tests that it draws.
exhaustive: compiled
	$(MAKE) --no-print-directory --jobs 2 exhaustive-on-ray exhaustive-without-ray

exhaustive-on-ray: $(READY)
	$(BIN)/python -m pytest -m "exhaustive and ray" $(ARGS)

exhaustive-without-ray: $(READY)
	nice -n 10 $(PYTEST) -m "(exhaustive or hypothesis) and not ray" --hypothesis-profile whole $(ARGS)

# Two processes that find no compiled kernels would each compile them.
compiled: $(READY)
	@$(BIN)/python -m operators.precompile

KERNEL_TESTS = tests/operators/kernels tests/operators/test_shard.py tests/operators/training/test_pair_totals.py \
	tests/operators/unigram_training/test_unigram.py

kernels: $(READY)
	$(MAKE) --no-print-directory --jobs 2 --output-sync=target interpreted bounds-checked

# Interpreted, a wrapped integer warns. Few examples: each takes about a hundred times as long.
interpreted: $(READY)
	NUMBA_DISABLE_JIT=1 $(BIN)/python -m pytest -W error::RuntimeWarning $(KERNEL_TESTS) $(ARGS)

bounds-checked: $(READY)
	NUMBA_BOUNDSCHECK=1 $(BIN)/python -m pytest --hypothesis-profile whole $(KERNEL_TESTS) $(ARGS)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/hadolint Dockerfile

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The lock names every package with its hash, so there is nothing for pip to resolve. Each step ends in a stamp:
# what was interrupted is done again, what is done is not.
$(LOCKED): requirements.lock
	@test -n "$(PYTHON)" || { echo "make: no Python 3.11 or newer found (tried python3.11, python3, python3.12," \
		"python3.13); install one, or name it: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo "make: $(PYTHON) is not Python 3.11" \
		"or newer; name one that is: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "Setting up .venv from requirements.lock (about a minute, once)"
	"$(PYTHON)" -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes --no-deps -r requirements.lock
	@touch $@

$(READY): $(LOCKED) pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -qq -j 0 babelmerge jobs pipelines operators .venv/lib || true
	@touch $@

docs: $(READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict
	@echo "wrote site/index.html"

lock: $(LOCKER)/bin/uv
	$(COMPILE) --extra code --extra demo --extra dev --extra docs --upgrade --output-file requirements.lock
	$(COMPILE) --constraint requirements.lock --upgrade --output-file requirements-run.lock

# uv resolves for all platforms at once, which pip cannot; it is needed here only.
$(LOCKER)/bin/uv:
	"$(PYTHON)" -m venv $(LOCKER)
	$(LOCKER)/bin/python -m pip install --quiet --disable-pip-version-check uv

image:
	docker build --tag babelmerge .

# numba sees that a kernel's own file changed, but not a file it imports from.
fresh:
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .venv/numba-boundscheck dist
	find . -path ./.venv -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

clean: fresh
	rm -rf .venv
