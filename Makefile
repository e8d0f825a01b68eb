# What a user types. Everything runs in .venv, made from requirements.lock.
PYTHON ?= python3.11
BIN := .venv/bin
.DEFAULT_GOAL := help
.PHONY: help demo test check lint lock pull schema

help:  ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:[^#]*##/ -/'

# The stamp is newer than the lock exactly when the environment is what the lock says.
.venv/.locked: requirements.lock
	@rm -f $@
	@if command -v uv >/dev/null; then \
	  { test -x $(BIN)/python || uv venv -q -p $(PYTHON) .venv; } \
	  && uv pip sync -q -p $(BIN)/python --require-hashes requirements.lock; \
	else \
	  { test -x $(BIN)/python || $(PYTHON) -m venv .venv; } \
	  && $(BIN)/python -m pip install -q --disable-pip-version-check --no-deps \
	     --require-hashes -r requirements.lock; \
	fi
	@printf '%s\n' "$(CURDIR)/src" > "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/anonbench.pth"
	@printf '#!%s\nfrom anonbench.cli import app\nif __name__ == "__main__":\n    app()\n' "$(CURDIR)/$(BIN)/python" > $(BIN)/anonbench
	@chmod +x $(BIN)/anonbench
	@touch $@

demo: .venv/.locked  ## run the benchmark on the default data
	@PATH="$(CURDIR)/$(BIN):$$PATH" snakemake
	@echo "Report: results/report/index.html"

test: .venv/.locked  ## run the whole test suite
	@PATH="$(CURDIR)/$(BIN):$$PATH" python -m pytest

lint: .venv/.locked  ## ruff, mypy, snakefmt, snakemake --lint
	@PATH="$(CURDIR)/$(BIN):$$PATH" && ruff check . && ruff format --check . && mypy \
	  && snakefmt --check Snakefile workflow && snakemake --lint

pull: .venv/.locked  ## dvc pull, then tell Snakemake that what came is current
	@PATH="$(CURDIR)/$(BIN):$$PATH" && dvc pull && snakemake --touch --quiet

schema: .venv/.locked  ## write the JSON schema of params.yaml from the code
	@$(BIN)/anonbench schema > workflow/schemas/params.schema.json

lock:  ## resolve requirements.in into requirements.lock (needs uv)
	uv pip compile -q -p 3.11 --generate-hashes --override requirements.overrides \
	  --no-emit-index-url --no-header requirements.in -o requirements.lock
