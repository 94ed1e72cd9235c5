# Nothing but python3.11, pip, git and make is needed; the rest is fetched into .tools and .venv.
PY ?= python3.11
UV := .tools/bin/uv
N ?= 200
# Seconds within which a killed sidecar must work again; 2 on a machine that is not busy with other things.
BACK ?= 10
# Processes that run tests, a file each at a time.
WORKERS ?= 2
export UV_PROJECT_ENVIRONMENT := .venv
export UV_PYTHON_DOWNLOADS := never
# Behind a proxy that inspects TLS the certificates are those of the system.
export UV_SYSTEM_CERTS := 1

.PHONY: help demo test check bench eval reference grafana soak nightly test-bots clean

help:  # this list
	@grep -E '^[a-z-]+:.*#' Makefile | sed 's/:.*#/ -/'

$(UV):
	$(PY) -m pip install -q --disable-pip-version-check --target .tools 'uv>=0.13,<0.14'

.venv/.demo: $(UV) pyproject.toml uv.lock
	@rm -f .venv/.dev
	$(UV) sync -q --frozen --no-dev --python $(PY) && touch $@

.venv/.dev: $(UV) pyproject.toml trading/pyproject.toml uv.lock
	@rm -f .venv/.demo
	$(UV) sync -q --frozen --group dev --all-packages --all-extras --python $(PY) && touch $@

demo: $(if $(wildcard .venv/.dev),.venv/.dev,.venv/.demo)  # a trading day with planted incidents, and its briefing
	@.venv/bin/python scripts/demo.py

test: .venv/.dev  # the specification
	.venv/bin/python -m pytest -m "not slow" -n $(WORKERS) --dist loadfile

check: .venv/.dev  # style, types, import directions
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/python -m mypy
	.venv/bin/lint-imports

bench: .venv/.dev  # what a user pays, beside the peers
	.venv/bin/python -m pytest benchmarks -p no:logging --override-ini=python_files='bench_*.py' --override-ini=timeout=0 -s

eval: .venv/.dev  # how good the answers are on labelled logs: make eval PART=snippets SHOW=--show
	@.venv/bin/python -m scripts.evaluate $(addprefix --part ,$(PART)) $(SHOW)

reference: .venv/.dev  # our indicators, statistics and backtests beside independent ones
	@.venv/bin/python -m scripts.reference

grafana: .venv/.dev  # every panel and rule against a real Prometheus and Alertmanager: make grafana PICTURES=1
	@.venv/bin/python -m tests.grafana $(if $(PICTURES),--pictures)

soak: .venv/.dev  # N kills -9 of sidecar, bot, reader and writer under load: make soak N=200
	.venv/bin/python -m tests.soak --kills $(N) --back $(BACK)
	.venv/bin/python -m tests.spool.killing reader $(N)
	.venv/bin/python -m tests.spool.killing writer $(N)

test-bots: .venv/.dev  # freqtrade itself, with nothing but our block in its log_config
	.venv/bin/python scripts/test_bots.py

nightly: test check soak test-bots  # the long rest
	.venv/bin/python -m pytest -m slow

clean:  # forget everything that was fetched or made
	rm -rf .venv .tools .cache dist
