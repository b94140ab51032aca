# make demo, make test: everything else is for those who work on the project. All of it runs in one environment, .venv.
PYTHON ?= python3
VENV := .venv
STAMP := $(VENV)/.installed
MAR := build/model-store/coronet.mar
XRAY ?=
BUILDER ?= podman build
BUILD_FLAGS ?=
VERSION = $(shell sed -n 's/^version = //p' setup.cfg)

.PHONY: help install demo serve web test test-slow coverage check audit bench bench-quick image-cpu image-gpu image-client clean

help:
	@echo "make demo [XRAY=FILE]  a chest X-ray classified and explained by TorchServe, pictures in build/demo"
	@echo "make serve             leave the server running (Ctrl-C stops it)"
	@echo "make web               the page in the browser, with a server where none is running (Ctrl-C stops it)"
	@echo "make test              the test suite, with a real TorchServe; some 10 minutes"
	@echo "make test-slow         10,000 damaged inputs, faults on purpose: some 25 minutes"
	@echo "make coverage          what the quick tests run of the code, branches too; fails below the floor in setup.cfg"
	@echo "make check             ruff (rules and format) and mypy"
	@echo "make audit             known vulnerabilities of what is installed (asks pypi.org)"
	@echo "make bench             the benchmarks of engines, serving, explanations, training and evaluation"
	@echo "make image-cpu         the server as a container image; also image-gpu, image-client"
	@echo "make bench-quick [COMMIT=HEAD]  where this tree is slower than a commit, in under three minutes"
	@echo "make install           only the environment, in .venv; does nothing when it is up to date"
	@echo "make clean             remove build/ and caches (not .venv)"

install: $(STAMP)

# Built again when a dependency changes. The stamp comes last, so that an interrupted installation is taken up again.
$(STAMP): setup.cfg setup.py pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
	  echo "found $$($(PYTHON) --version 2>&1), need Python 3.10 or newer: make install PYTHON=python3.11" >&2; exit 1; }
	@test -x $(VENV)/bin/pip || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "Python's venv module is incomplete: sudo apt install python3-venv" >&2; exit 1; }
	@echo "installing into $(VENV): 7.2 GB, about three minutes on a fast connection"
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check -e '.[serve,train,dev]'
	@touch $@

demo: install
	@$(VENV)/bin/coronet demo $(if $(XRAY),--xray '$(XRAY)')

serve: install $(MAR)
	@exec $(VENV)/bin/coronet serve

web: install $(MAR)
	@exec $(VENV)/bin/coronet web

# Packed again when the shipped model or anything that goes into an archive has changed.
$(MAR): $(shell find archive train/runs/export.py explanations handlers inference model_src outputs -type f -not -name '*.pyc') | $(STAMP)
	@$(VENV)/bin/coronet export archive/pretrained --out build/artefacts
	@$(VENV)/bin/coronet archive build/artefacts --out build/model-store

test: install
	@$(VENV)/bin/python -m pytest -m "not slow"

test-slow: install
	@$(VENV)/bin/python -m pytest -s -m slow

coverage: install
	@$(VENV)/bin/python -m pytest -m "not e2e and not slow" --cov --cov-report=term

check: install
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

# Strict: a package that could not be looked up fails the audit, instead of passing as one without findings.
audit: install
	@test -x $(VENV)/bin/pip-audit || $(VENV)/bin/pip install --quiet --disable-pip-version-check pip-audit==2.10.1
	$(VENV)/bin/pip-audit --local --skip-editable --strict

bench: install
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -e '.[bench]'
	$(VENV)/bin/python -m benchmarks.engines_benchmark --out build/bench/engines.json
	$(VENV)/bin/python -m benchmarks.engines_benchmark --sizes 512 --batches 1 4 --out build/bench/engines-512.json
	$(VENV)/bin/python -m benchmarks.serving_benchmark --out build/bench/serving
	$(VENV)/bin/coronet export archive/pretrained --out build/bench/artefacts
	$(VENV)/bin/python -m benchmarks.explain_benchmark --model build/bench/artefacts --phantoms 4 --reference-images 1 --out build/bench/explain
	$(VENV)/bin/python -m benchmarks.train_benchmark
	$(VENV)/bin/python -m benchmarks.epoch_benchmark --out build/bench/epochs.json
	$(VENV)/bin/python -m benchmarks.evaluate_benchmark

# docs/how-to/containers.md. Nothing here needs the environment.
image-cpu image-gpu: image-%:
	$(BUILDER) --file deploy/containers/Containerfile --build-arg DEVICE=$* --tag coronet-serve:$(VERSION)-$* $(BUILD_FLAGS) .

image-client:
	$(BUILDER) --file deploy/containers/Containerfile.client --tag coronet-client:$(VERSION) $(BUILD_FLAGS) .

# Under three minutes: where this tree is slower than COMMIT.
COMMIT ?= HEAD
bench-quick: install
	@$(VENV)/bin/python -m benchmarks.quick $(COMMIT) --out build/bench/quick.json

clean:
	rm -rf build .pytest_cache .mypy_cache .ruff_cache *.egg-info
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
