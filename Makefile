# What a user types. Everything runs in .venv, made from requirements.lock.
PYTHON ?= python3.11
BIN := .venv/bin
.DEFAULT_GOAL := help
.PHONY: help demo faces weights bundle bundle-weights test lint lock pull schema

# What comes with the repository.
FACES := data/faces.dvc
WEIGHTS := $(patsubst %,data/weights/%.safetensors.dvc,\
  dan_rendered ciagan_dlib ciagan_mediapipe deepprivacy_rendered cleanir_rendered mmda_rendered \
  proxies_rendered ren_rendered_2 ren_rendered_10 ren_rendered_50 narula_rendered_1 narula_rendered_3)

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:[^#]*##/ -/'

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

demo: faces weights  ## run the benchmark on the default data
	@PATH="$(CURDIR)/$(BIN):$$PATH" snakemake
	@echo "Report: results/report/index.html"

# `dvc status` fails where something is not there or not what its .dvc file says.
define bring
@export PATH="$(CURDIR)/$(BIN):$$PATH"; dvc status -q $(1) 2>/dev/null || { \
  echo "Bringing $(2): dvc pull $(1)"; dvc pull $(1); }
endef

faces: .venv/.locked  ## bring the bundled faces into data/faces; needs no network
	$(call bring,$(FACES),the bundled faces into data/faces)

weights: .venv/.locked  ## bring the bundled weights into data/weights; needs no network
	$(if $(wildcard $(WEIGHTS)),$(call bring,$(wildcard $(WEIGHTS)),the bundled weights into data/weights),@:)

test: .venv/.locked  ## run the whole test suite
	@PATH="$(CURDIR)/$(BIN):$$PATH" python -m pytest -n logical --maxprocesses 4 --dist loadfile

lint: .venv/.locked  ## ruff, mypy, snakefmt, snakemake --lint
	@PATH="$(CURDIR)/$(BIN):$$PATH" && ruff check . && ruff format --check . && mypy \
	  && snakefmt --check Snakefile workflow && snakemake --lint --config 'run={datasets: [drawn], methods: [blur_face], expressions: []}'

# Results that nobody has computed yet are no error; without dvc.lock there are none to touch.
pull: .venv/.locked  ## dvc pull, then tell Snakemake that what came is current
	@PATH="$(CURDIR)/$(BIN):$$PATH" && dvc pull --allow-missing \
	  && { test ! -e dvc.lock || snakemake --touch --quiet; }

# What is bundled already comes into the cache, leaves Git and goes back with what is new; so objects
# of an earlier set go, and those of the other stay. Results that somebody pushed there would get in.
define bundle
@export PATH="$(CURDIR)/$(BIN):$$PATH" && set -e; \
if [ -n "$$(git ls-files --others .dvc/bundled/files)" ]; then \
  echo "Results were pushed to .dvc/bundled: move .dvc/bundled/files away first."; exit 1; fi; \
test -n "$(1)" || { echo "data: missing, nothing to bundle"; exit 1; }; \
for path in $(1); do \
  test -e $$path || { echo "$$path: missing, nothing to bundle"; exit 1; }; \
  size=$$(du -sb $$path | cut -f1); \
  if [ $$size -gt $(2) ]; then echo "$$path: $$size bytes, more than $(2)"; exit 1; fi; \
  dvc add -q $$path; \
  grep -q 'remote: bundled' $$path.dvc \
    || sed -i "s/^  path: $$(basename $$path)$$/&\n  remote: bundled/" $$path.dvc; \
done; \
all=$$(ls $(FACES) $(WEIGHTS) 2>/dev/null || true); \
dvc fetch -q $$all; \
git rm -rqf --ignore-unmatch .dvc/bundled/files; \
dvc push -q $$all; \
git add $$all && git add -f .dvc/bundled/files; \
echo "Now: git commit $(addsuffix .dvc,$(1)) .dvc/bundled"
endef

bundle: .venv/.locked  ## maintainers: put data/faces into the bundled remote and into Git's index
	@PATH="$(CURDIR)/$(BIN):$$PATH" anonbench validate
	$(call bundle,data/faces,25000000)

# Bundled weights are used only if the list in the code has their hash.
TRAINED = $(wildcard $(WEIGHTS:.dvc=))
bundle-weights: .venv/.locked  ## maintainers: the same for the weights in data/weights
	$(call bundle,$(TRAINED),45000000)
	@{ echo '# Weights that the project makes itself; written by `make bundle-weights`.'; \
	  cd data/weights && sha256sum $(notdir $(TRAINED)); } > src/anonbench/weights.sha256
	@PATH="$(CURDIR)/$(BIN):$$PATH" anonbench weights verify && git add src/anonbench/weights.sha256

schema: .venv/.locked  ## write the JSON schema of params.yaml from the code
	@$(BIN)/anonbench schema > workflow/schemas/params.schema.json

lock:  ## resolve requirements.in into requirements.lock (needs uv)
	uv pip compile -q -p 3.11 --generate-hashes --override requirements.overrides \
	  --no-emit-index-url --no-header requirements.in -o requirements.lock
