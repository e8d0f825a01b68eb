# What a user types. Everything runs in .venv, made from requirements.lock.
PYTHON ?= python3.11
BIN := .venv/bin
.DEFAULT_GOAL := help
.PHONY: help demo faces bundle test lint lock pull schema

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

demo: faces  ## run the benchmark on the default data
	@PATH="$(CURDIR)/$(BIN):$$PATH" snakemake
	@echo "Report: results/report/index.html"

# `dvc status` fails where data/faces is not there or not what data/faces.dvc says.
faces: .venv/.locked  ## bring the bundled faces into data/faces; needs no network
	@export PATH="$(CURDIR)/$(BIN):$$PATH"; dvc status -q data/faces.dvc 2>/dev/null || { \
	  echo "Bringing the bundled faces into data/faces: dvc pull data/faces.dvc"; \
	  dvc pull data/faces.dvc; }

test: .venv/.locked  ## run the whole test suite
	@PATH="$(CURDIR)/$(BIN):$$PATH" python -m pytest

lint: .venv/.locked  ## ruff, mypy, snakefmt, snakemake --lint
	@PATH="$(CURDIR)/$(BIN):$$PATH" && ruff check . && ruff format --check . && mypy \
	  && snakefmt --check Snakefile workflow && snakemake --lint --config 'run={datasets: [drawn]}'

# Results that nobody has computed yet are no error; without dvc.lock there are none to touch.
pull: .venv/.locked  ## dvc pull, then tell Snakemake that what came is current
	@PATH="$(CURDIR)/$(BIN):$$PATH" && dvc pull --allow-missing \
	  && { test ! -e dvc.lock || snakemake --touch --quiet; }

# Objects of an earlier set leave Git first. Anything else there would be taken for the set's.
bundle: .venv/.locked  ## maintainers: put data/faces into the bundled remote and into Git's index
	@export PATH="$(CURDIR)/$(BIN):$$PATH" && set -e; \
	anonbench validate; \
	git rm -rqf --ignore-unmatch .dvc/bundled/files; \
	if [ -n "$$(find .dvc/bundled/files -type f 2>/dev/null)" ]; then \
	  echo "Results were pushed to .dvc/bundled: move .dvc/bundled/files away first."; exit 1; fi; \
	dvc add -q data/faces; \
	grep -q 'remote: bundled' data/faces.dvc \
	  || sed -i 's/^  path: faces$$/&\n  remote: bundled/' data/faces.dvc; \
	dvc push -q data/faces.dvc; \
	size=$$(du -sb .dvc/bundled/files | cut -f1); \
	if [ $$size -gt 25000000 ]; then echo "$$size bytes, more than 25 MB"; exit 1; fi; \
	git add data/faces.dvc && git add -f .dvc/bundled/files; \
	echo "$$size bytes. Now: git commit data/faces.dvc .dvc/bundled"

schema: .venv/.locked  ## write the JSON schema of params.yaml from the code
	@$(BIN)/anonbench schema > workflow/schemas/params.schema.json

lock:  ## resolve requirements.in into requirements.lock (needs uv)
	uv pip compile -q -p 3.11 --generate-hashes --override requirements.overrides \
	  --no-emit-index-url --no-header requirements.in -o requirements.lock
