# Mission Control: every command a person needs. `make help` lists them.
#
# Stamp files in .make/ remember what is done, so everything is safe to repeat and quick the second time.
# Needs make and Python >= 3.11; PYTHON=/path/to/python chooses another one than the first that fits.

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export UV_NO_PROGRESS := 1

ROOMS := schemas mcps collectors pipeline control operations dashboards mission_control demo bench tests
TYPED := $(foreach room,$(ROOMS),$(if $(wildcard $(room)/*.py $(room)/*/*.py),$(room)))
WORKERS ?= 2
MEASURED := --cov --cov-append --cov-report= --cov-fail-under=0

.DEFAULT_GOAL := help
.PHONY: help setup kernel run kafka cluster collector test test-chaos test-collector test-fast test-emitters test-tools check format lint types imports generated console-types bench soak bench-peers dist docs dashboards lock clean

help:
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F '\t' '{ printf "make %-14s %s\n", $$1, $$2 }'

# Bytecode is written here, once: where Python may not write it later (PYTHONDONTWRITEBYTECODE, a read-only place), every start would compile all it imports.
setup: .make/python .make/console ## .venv with everything, the console's packages, the kernel where cargo is; safe to repeat
	@$(BIN)/python -m compileall -q $(filter-out tests,$(ROOMS))
	@if command -v cargo >/dev/null 2>&1; then \
	  $(MAKE) --no-print-directory .make/kernel || echo "make setup: the native kernel could not be built; traces are mapped in Python" >&2; \
	fi

kernel: .make/kernel ## the native mapping of traces, in Rust (needs cargo); without it Python maps

run: setup ## start everything in one process with the demo fleet; prints the login URL
	$(BIN)/mission-control up --demo

kafka: setup ## a Kafka broker on loopback until Ctrl-C, from Maven's jars (ARGS="--port 9092 --nodes 3"); its data go with it
	$(BIN)/python -m tests.brokers $(ARGS)

cluster: setup ## three brokers, two collectors, two processors, a server, on loopback until Ctrl-C, to kill some and see (docs/operate.md)
	@$(BIN)/python -m tests.cluster $(ARGS)

collector: .make/collector/built ## the OpenTelemetry Collector with the parts of collectors/otelcol, from Go's modules (needs Go >= 1.25)

test: setup test-tools ## check, then every test, with branch coverage
	@$(MAKE) --no-print-directory -j $(WORKERS) check
	rm -rf .make/coverage && mkdir -p .make/coverage
	COVERAGE_FILE=.make/coverage/data.fast $(BIN)/pytest -q -n $(WORKERS) --dist loadfile -m "not slow" $(MEASURED)
	$(BIN)/python -m tests.slow_rooms --at-a-time $(WORKERS) --durations=5 --durations-min=5 $(MEASURED)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

test-chaos: setup test-tools ## faults under load for CHAOS_SECONDS (600), in the order of CHAOS_SEED
	MISSION_CONTROL_CHAOS_SECONDS=$${CHAOS_SECONDS:-600} MISSION_CONTROL_CHAOS_SEED=$${CHAOS_SEED:-4711} $(BIN)/pytest -q -s tests/system/drills/test_chaos.py

test-collector: setup collector ## our Collector configurations, end to end, with that Collector; other test runs skip these where it is not built
	$(BIN)/pytest -q tests/collectors/test_otelcol.py tests/bench/test_bench_collector.py

test-fast: setup ## the tests that need neither the engine nor patience
	$(BIN)/pytest -q -n $(WORKERS) --dist loadfile -m "not slow and not engine"

test-emitters: setup .make/emitters/installed .make/emit/installed ## other people's emitters, live, against a running system
	$(BIN)/pytest -q tests/emitters

check: lint types imports generated console-types ## lint, format, types, import contracts, generated files

lint: .make/python
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@if command -v rustfmt >/dev/null; then rustfmt --check --edition 2024 --config-path kernel kernel/src/lib.rs; fi

format: .make/python ## let ruff write what it can
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format .
	@if command -v rustfmt >/dev/null; then rustfmt --edition 2024 --config-path kernel kernel/src/lib.rs; fi

types: .make/python
	$(BIN)/mypy $(TYPED)

imports: .make/python
	$(BIN)/lint-imports --no-logo

generated: .make/python
	$(BIN)/python -m mission_control.reference --check
	$(BIN)/python -m mission_control.deployment --check
	$(BIN)/python -m dashboards --check

console-types: .make/console
	@if [ -f console/tsconfig.json ]; then cd console && npm run --silent check; fi

bench: setup ## measure; writes the tables of docs/benchmarks.md
	$(BIN)/python -m bench

soak: setup ## whether the memory of each role stays flat under a steady load, for SOAK_SECONDS (600)
	$(BIN)/python -m bench.soak $(ARGS)

bench-peers: setup ## the same with the peers beside us
	$(BIN)/python -m bench --peers

dist: setup ## wheel and sdist in dist/, the console included
	rm -rf dist
	$(BIN)/uv build --quiet --no-build-isolation --python $(BIN)/python --sdist --wheel --out-dir dist .
	@ls -l dist

docs: .make/python ## write docs/reference anew from the code
	$(BIN)/python -m mission_control.reference
	$(BIN)/python -m mission_control.deployment

dashboards: .make/python ## write Grafana's dashboards, alert rules and data source anew from dashboards/
	$(BIN)/python -m dashboards

LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header
lock: ## resolve pyproject.toml anew into requirements/ (LOCK_FLAGS=--upgrade for newer versions)
	$(LOCK) $(LOCK_FLAGS) pyproject.toml --all-extras --group dev -o requirements/dev.txt
	$(LOCK) pyproject.toml --all-extras -c requirements/dev.txt --no-annotate -o requirements/run.txt
	$(LOCK) requirements/uv.in -c requirements/dev.txt --no-annotate -o requirements/uv.txt
	$(LOCK) $(LOCK_FLAGS) requirements/node.in --no-annotate -o requirements/node.txt
	$(LOCK) $(LOCK_FLAGS) requirements/kernel.in --no-annotate -o requirements/kernel.txt
	$(LOCK) $(LOCK_FLAGS) requirements/emitters.in --no-annotate -o requirements/emitters.txt

clean: ## remove what the other commands made, .venv included
	rm -rf .make .venv dist build console/node_modules console/vendor .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.make/venv:
	@mkdir -p .make
	@for python in $(PYTHON) python3.11 python3.12 python3.13 python3; do \
	  if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then echo "make setup: no Python >= 3.11 found; install one, or name it: make setup PYTHON=/path/to/python3" >&2; exit 1; fi; \
	if ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
	  $$found -m venv --clear $(VENV) || { echo "make setup: $$found cannot make a virtual environment; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }; \
	fi
	@touch $@

.make/python: .make/venv pyproject.toml requirements/dev.txt requirements/uv.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --compile-bytecode --require-hashes requirements/dev.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

.make/emitters/installed: .make/python requirements/emitters.txt
	$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python .make/emitters
	$(BIN)/uv pip sync --quiet --python .make/emitters/bin/python --compile-bytecode --require-hashes requirements/emitters.txt
	@touch $@

# What docs/emit.md uses: packages for its TypeScript, modules for its Go where Go is there.
.make/emit/installed: .make/console tests/emitters/typescript/package-lock.json tests/emitters/go/go.mod
	@mkdir -p .make/emit
	cp tests/emitters/typescript/package*.json tests/emitters/typescript/.npmrc .make/emit
	cd .make/emit && npm ci --ignore-scripts --loglevel=error
	@if command -v go >/dev/null 2>&1; then rm -rf .make/emit/go && cp -r tests/emitters/go .make/emit/go && cd .make/emit/go && go mod download; fi
	@touch $@

# The manifest pins every part; what the parts need follows from their go.mod files, checked against Go's database of checksums.
.make/collector/built: collectors/otelcol/builder.yaml
	@command -v go >/dev/null 2>&1 || { echo "make collector: no Go >= 1.25 on the PATH" >&2; exit 1; }
	@mkdir -p .make/collector
	GOTOOLCHAIN=local CGO_ENABLED=0 go run go.opentelemetry.io/collector/cmd/builder@v0.161.0 --config collectors/otelcol/builder.yaml
	@touch $@

# crates.lock is Cargo.lock without the name of a registry: cargo says what it calls its own, and then holds to versions and checksums.
kernel/Cargo.lock: kernel/crates.lock kernel/Cargo.toml
	@rm -f $@
	cargo generate-lockfile --quiet --manifest-path kernel/Cargo.toml
	@registry=$$(sed -n 's/^source = "\(.*\)"/\1/p' $@ | sort -u | head -n 1); sed "s|^source = .*|source = \"$$registry\"|" kernel/crates.lock > $@.new
	@mv $@.new $@

.make/kernel: .make/python requirements/kernel.txt kernel/Cargo.lock kernel/pyproject.toml $(wildcard kernel/src/*.rs)
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/kernel.txt
	@rm -rf .make/wheels
	CARGO_TARGET_DIR=$(CURDIR)/.make/cargo $(BIN)/maturin build --quiet --release --locked --interpreter $(BIN)/python --manifest-path kernel/Cargo.toml --out .make/wheels
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --reinstall .make/wheels/*.whl
	@touch $@

# The libraries of the console are bundled here and never committed; its own modules need no build.
.make/console: .make/python requirements/node.txt console/package.json console/package-lock.json console/.npmrc
	@if ! { node -e 'process.exit(+(parseInt(process.versions.node) < 18))' && npm --version; } >/dev/null 2>&1; then \
	  echo "make setup: no Node >= 18 with npm found, taking the one from PyPI"; \
	  $(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/node.txt; \
	fi
	cd console && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	cd console && npm run --silent build -- --log-level=warning
	@touch $@

# Browser tests use the system's Chromium: browsers that packages download by themselves are not needed.
test-tools:
	@if command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 || command -v google-chrome >/dev/null 2>&1; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-liberation >/dev/null; \
	else echo "make test: the browser tests need Chromium; on Debian and Ubuntu: apt-get install chromium, elsewhere put 'chromium' or 'google-chrome' on the PATH" >&2; exit 1; fi
	@if command -v java >/dev/null 2>&1 && command -v mvn >/dev/null 2>&1; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends openjdk-17-jre-headless maven >/dev/null; \
	else echo "make test: without Java and Maven no test of Kafka is run; on Debian and Ubuntu: apt-get install openjdk-17-jre-headless maven" >&2; fi
	@command -v go >/dev/null 2>&1 || echo "make test: no Go >= 1.26 on the PATH: the queries of Grafana's dashboards cannot be run" >&2
