# Die Hard. `make help` lists what there is; each target installs what it needs.
.DEFAULT_GOAL := help
.PHONY: help setup run services install test lint check audit manage migrate shell schema fuzz bench chaos outage story clean up down

# uv does not compile to bytecode, so let Python do it once: saves a second per process start.
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPATH := $(CURDIR)/src

PYTHON := .venv/bin/python
DEVSTACK := $(PYTHON) -m devstack
# Static checks load the settings, but connect to nothing.
SETTINGS := env $(shell sed -n 's/^\([A-Z_]*=.*\)/\1/p' src/core/.env.ci)

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

setup: ## create or refresh .venv (every target does it by itself)
	@sh bin/setup

run: setup ## start everything here: engines, migrations, web server, worker, beat; Ctrl-C stops it
	@$(DEVSTACK) run

services: setup ## start the engines only: PostgreSQL, Valkey, ClickHouse
	@$(DEVSTACK) services

install: setup ## migrate both databases and create the superuser of DJANGO_SUPERUSER_EMAIL and _PASSWORD
	@$(DEVSTACK) with-env -- $(PYTHON) src/manage.py install

test: setup ## run the tests in a few processes, each on a throwaway stack, or on the servers in the environment; a="-k word" narrows
	@$(DEVSTACK) exec -- $(PYTHON) -m pytest $(or $(a),-n auto)

lint: setup ## mend what ruff can mend
	@.venv/bin/ruff check --fix .
	@.venv/bin/ruff format .

check: setup ## lint, format, types, import contracts, tests: all that CI asks
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	$(SETTINGS) .venv/bin/mypy
	.venv/bin/lint-imports
	$(MAKE) --no-print-directory test

audit: setup ## known faults of the locked packages, their licences, and a bill of materials in .audit/sbom.json
	@sh bin/audit

manage: setup ## a management command: make manage c="outbox status"
	@$(DEVSTACK) with-env -- $(PYTHON) src/manage.py $(c)

migrate: setup ## bring both databases up to date
	@$(DEVSTACK) with-env -- $(PYTHON) src/manage.py migrate
	@$(DEVSTACK) with-env -- $(PYTHON) src/manage.py migrate_event_store

shell: setup ## Django's shell on the running or configured stack
	@$(DEVSTACK) with-env -- $(PYTHON) src/manage.py shell

schema: setup ## write docs/openapi.yaml anew, from the views
	@$(SETTINGS) $(PYTHON) src/manage.py spectacular --validate --fail-on-warn --file docs/openapi.yaml

bench: setup ## measure, some ten minutes, on a throwaway stack or the servers in the environment; only=relay, a part; full=1, longer
	@$(DEVSTACK) exec -- $(PYTHON) -m bench $(foreach part,$(only),--only $(part)) $(if $(full),--form full)

fuzz: setup ## send the real server requests nobody would write: make fuzz cases=2000 seed=7
	@$(DEVSTACK) exec -- $(PYTHON) -m tests.fuzz $(if $(cases),--cases $(cases)) $(if $(seed),--seed $(seed))

chaos: setup ## kill the real processes at random points and count what is lost or repeated: make chaos kills=1000 seed=7
	@$(PYTHON) -m tests.chaos $(if $(kills),--kills $(kills)) $(if $(seed),--seed $(seed))

outage: setup ## take ClickHouse away under load and count what fails, is lost or repeated: make outage seconds=600
	@$(PYTHON) -m tests.chaos.outage $(if $(seconds),--seconds $(seconds))

story: setup ## tell the story in docs/observability.md anew
	@TELL_STORY=1 $(DEVSTACK) exec -- $(PYTHON) -m pytest -q src/tests/acceptance/observability/test_story.py

up: ## start the production-like stack in Docker; makes up the secrets that are missing
	@sh bin/secrets
	@chmod -R a+rX docker docs/monitoring # containers read these as other users, whatever the umask here
	REVISION=$$(git describe --always --dirty 2>/dev/null || echo unknown) docker compose up --build --detach --wait

down: ## stop it; its data stays
	docker compose down

clean: ## remove everything that was generated here, the development data included
	rm -rf .venv .tools .audit .devstack .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis staticfiles
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
