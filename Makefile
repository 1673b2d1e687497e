# Two commands do all the set-up: `make demo` runs the main job on a real example, `make test` runs the tests.
PYTHON ?= python3
VENV := .venv
DEMO := build/demo

# The tests start Python many hundred times; without compiled modules each start would compile them anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-all coverage check docs reference wheel faults damage screenshots clean

demo: $(VENV)/.installed
	$(VENV)/bin/canary-wf run examples/basic -b spec=duration:30m -b scheduler=local -d $(DEMO)
	$(VENV)/bin/canary-wf status -r all -d $(DEMO)

# Quick tests, and one of each kind of long ones; `make test-all` runs everything. Most of them wait more than they compute.
WORKERS ?= $(shell expr 2 \* $$(nproc))

test: $(VENV)/.dev
	$(VENV)/bin/python -m pytest -n $(WORKERS) --dist worksteal -m 'not long or smoke' --quick --hypothesis-profile quick

test-all: $(VENV)/.dev
	$(VENV)/bin/python -m pytest -n $(WORKERS) --dist worksteal --durations 40

# Which lines and branches the quick tests reach, in the processes that they start as well; everything: COVERED=
COVERED ?= -m 'not long or smoke'

coverage: $(VENV)/.dev
	rm -f .coverage .coverage.*
	-$(VENV)/bin/coverage run -m pytest -q -n $(WORKERS) --dist worksteal $(COVERED)
	$(VENV)/bin/coverage combine --quiet
	$(VENV)/bin/coverage report

check: $(VENV)/.dev
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy

# The documentation as a site, in build/docs; a link that leads nowhere is an error.
docs: $(VENV)/.dev
	@NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --strict --quiet
	@echo "Wrote $(CURDIR)/build/docs/index.html"

# The pages of the reference, from the program itself; a test finds them out of date.
reference: $(VENV)/.dev
	$(VENV)/bin/python docs/make_reference.py

# Faults at random points, for as long as one likes: make faults ROUNDS=1000 SEED=1
ROUNDS ?= 200
SEED ?= 1

faults: $(VENV)/.dev
	$(VENV)/bin/python tests/faults/fault_campaign.py --rounds $(ROUNDS) --seed $(SEED)

# Damage to workspaces, for as long as one likes: make damage ROUNDS=5000 SEED=1 WITH=--snakemake
damage: $(VENV)/.dev
	$(VENV)/bin/python tests/damage/damage_campaign.py --rounds $(ROUNDS) --seed $(SEED) $(WITH)

# The wheel must work on its own: it is built, installed into a fresh environment, and used once from there.
wheel: $(VENV)/.dev
	rm -rf build/wheel build/fresh build/use
	$(VENV)/bin/python -m build --wheel --outdir build/wheel .
	$(PYTHON) -m venv build/fresh
	build/fresh/bin/pip install --quiet --disable-pip-version-check build/wheel/*.whl
	build/fresh/bin/canary-wf generate examples/chain -b scheduler=local -d build/use
	cd build/use && ../fresh/bin/snakemake --profile local --quiet all
	build/fresh/bin/canary-wf status -d build/use
	build/fresh/bin/canary-wf plan examples/chain -b scheduler=local -d build/use --html build/use/plan.html
	build/fresh/bin/python -P -c "from canary_wf.plan.schema import plan_schema; plan_schema()"

# The pictures of the documentation, of a real run; needs chromium.
screenshots: $(VENV)/.dev
	PYTHONPATH=tests/support $(VENV)/bin/python docs/screenshots.py

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml $(VENV)/bin/python
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(VENV)/.dev: pyproject.toml $(VENV)/bin/python
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --editable '.[dev,slurm]'
	touch $@ $(VENV)/.installed

clean:
	rm -rf build dist $(VENV)
