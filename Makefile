# Two environments. .venv holds what the service needs and nothing else, so that `make run` shows requirements.lock to
# be enough; .venv-dev holds tools and tests, and installing those never changes packages under a running server.

.DEFAULT_GOAL := help
.SUFFIXES:

ARGS ?=
# Files are spread over the processes whole, so that costly module fixtures are made once.
PROCESSES ?= 2
PYTEST_FLAGS = -n $(PROCESSES) --dist loadfile $(if $(STRICT),--error-for-skips)

# The generators and the Node clients are found on PATH, those of this clone first.
DEV = PATH="$(CURDIR)/.venv-dev/bin:$(CURDIR)/tests/node/node_modules/.bin:$(CURDIR)/web/node_modules/.bin:$$PATH"
# `-u NAME` for each setting: what somebody exported for their own server must not reach the tests.
WITHOUT_SETTINGS = env $$(sed -n 's/^[\# ]*\([A-Z_][A-Z0-9_]*\)=.*/-u \1/p' .env.example)
# Each of those that are measured beside Gatepost has an environment of its own.
PEERS = .venv-dev/installed $(addprefix bench/peers/,$(addsuffix /.venv/installed,fastapi-users django-rest) better-auth/node_modules/installed)

.PHONY: help run test test-deploy conformance bench bench-peers check format gen console lock clean

help: ## what there is (this list)
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' Makefile

run: .venv/installed ## serve on http://127.0.0.1:8000; settings come from the environment and .env
	@exec .venv/bin/gatepost serve $(ARGS)

test: .venv-dev/installed tests/node/node_modules/installed web/node_modules/installed ## run all tests; ARGS="-k sign_in", STRICT=1: no skips
	@$(DEV) $(WITHOUT_SETTINGS) .venv-dev/bin/pytest $(PYTEST_FLAGS) $(ARGS)

test-deploy: .venv-dev/installed ## try deploy/ with Debian's nginx and pgbouncer, which root's apt-get installs if they are missing
	@tools/deploy_packages.sh
	@$(DEV) $(WITHOUT_SETTINGS) .venv-dev/bin/pytest $(PYTEST_FLAGS) --error-for-skips tests/deploy $(ARGS)

conformance: tests/conformance/bin/connectconformance ## run the official Connect suite; ARGS="--run '**/unary/success'"
	@.venv-dev/bin/python -m tests.conformance $(ARGS)

bench: .venv-dev/installed ## measure, some 25 minutes, and write docs/benchmarks.md; ARGS="--quick --rows pong"
	@$(WITHOUT_SETTINGS) .venv-dev/bin/python -m bench $(ARGS)

bench-peers: $(PEERS) ## measure others beside it, some 10 minutes, and write docs/benchmarks.md; ARGS=--quick
	@$(WITHOUT_SETTINGS) .venv-dev/bin/python -m bench.peers $(ARGS)

check: .venv-dev/installed web/node_modules/installed ## formatting, lint, types, import contracts, generated code, protos, the built console
	.venv-dev/bin/python -m pip --disable-pip-version-check check
	.venv-dev/bin/ruff format --check .
	.venv-dev/bin/ruff check .
	.venv-dev/bin/mypy
	.venv-dev/bin/lint-imports --no-logo
	$(DEV) tools/check_contract.sh
	$(DEV) tools/check_console.sh

format: .venv-dev/installed ## mend what `make check` finds and a tool can mend
	.venv-dev/bin/ruff check --fix .
	.venv-dev/bin/ruff format .

gen: .venv-dev/installed web/node_modules/installed ## regenerate gen/, web/src/gen/ and docs/api.md from proto/
	$(DEV) tools/gen.sh

console: .venv-dev/installed web/node_modules/installed ## build the console from web/ into app/console/assets
	$(DEV) tools/console.sh

lock: .venv-dev/installed ## write both lock files anew from pyproject.toml; ARGS=--upgrade for newer versions
	$(COMPILE) --group build -o requirements.lock
	$(COMPILE) --group dev -c requirements.lock -o requirements-dev.lock
	$(HASHED) --group conformance -o tests/conformance/requirements.lock
	$(PEER) bench/peers/fastapi-users/requirements.in -o bench/peers/fastapi-users/requirements.lock
	$(PEER) bench/peers/django-rest/requirements.in -o bench/peers/django-rest/requirements.lock

HASHED = .venv-dev/bin/uv pip compile --quiet --universal --generate-hashes --custom-compile-command "make lock" $(ARGS)
COMPILE = $(HASHED) pyproject.toml --extra grpc
PEER = $(HASHED) --python-version 3.11

clean: ## remove environments and caches; data/ and .env stay
	rm -rf .venv .venv-dev tests/node/node_modules web/node_modules tests/conformance/bin tests/conformance/gen bench/peers/*/.venv bench/peers/*/node_modules bench/data .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

.venv/installed: requirements.lock
	@tools/install.sh .venv requirements.lock "about 10 s"

.venv-dev/installed: requirements-dev.lock
	@tools/install.sh .venv-dev requirements-dev.lock "about 20 s"

tests/node/node_modules/installed: tests/node/package-lock.json tests/node/.npmrc | .venv-dev/installed
	@echo "Installing Node clients and Chromium into tests/node (once for each change of its lock, about 10 s) ..."
	@$(DEV) npm ci --prefix tests/node --loglevel=error
	@mkdir tests/node/node_modules/.chromium
	@$(DEV) TMPDIR="$(CURDIR)/tests/node/node_modules/.chromium" node tests/node/chromium.mjs
	@touch $@

web/node_modules/installed: web/package-lock.json web/.npmrc | .venv-dev/installed
	@echo "Installing what builds the console into web (once for each change of its lock, about 5 s) ..."
	@$(DEV) npm ci --prefix web --loglevel=error
	@touch $@

bench/peers/%/.venv/installed: bench/peers/%/requirements.lock | .venv-dev/installed
	@echo "Installing $* into bench/peers/$* (once for each change of its lock, about 10 s) ..."
	@.venv-dev/bin/python -m venv --clear $(@D)
	@$(@D)/bin/python -m pip --disable-pip-version-check install --quiet --no-deps --require-hashes -r $<
	@touch $@

bench/peers/better-auth/node_modules/installed: bench/peers/better-auth/package-lock.json bench/peers/better-auth/.npmrc | .venv-dev/installed
	@echo "Installing better-auth into bench/peers/better-auth (once for each change of its lock, about 5 s) ..."
	@$(DEV) npm ci --prefix bench/peers/better-auth --loglevel=error
	@touch $@

tests/conformance/bin/connectconformance: tests/conformance/go.sum tests/conformance/buf.gen.yaml .venv-dev/installed
	@$(DEV) tools/conformance.sh
	@touch $@
