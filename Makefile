# SPDX-License-Identifier: Apache-2.0
# The words a newcomer tries; the build itself is meson's (meson.build).

BUILD := build
DESTDIR :=
PREFIX :=
# Of `make install`: services that get links, as in SERVICES=cinder,neutron.
SERVICES :=
# Of `make fuzz`: how long each target runs.
SECONDS := 60
# Of `make check`: more words for pytest, as in PYTEST='-k lvm -x'.
PYTEST :=
# Of `make bench`: not empty for a run of less than a minute; the benchmarks to run, all by default.
QUICK :=
BENCH :=

# Debian's own programs, whatever else a shell's set-up put before them.
override PATH := /usr/sbin:/usr/bin:/sbin:/bin:$(PATH)
export PATH
SHELL := /bin/bash
MAKEFLAGS += --no-print-directory
PYTHON := /usr/bin/python3
DEPS := packaging/install-deps

.DEFAULT_GOAL := all
.PHONY: all demo check bench install fuzz coverage clean help build-deps check-deps openstack-deps bench-deps ci-deps

all: build-deps $(BUILD)/build.ninja
	@ninja -C $(BUILD)

demo: check-deps all
	@tests/fetch-cinder
	@RW_BUILD=$(abspath $(BUILD)) tests/sandbox demo/run

check: check-deps openstack-deps all
	@tests/check $(BUILD) $(PYTEST)

bench: check-deps openstack-deps bench-deps all
	@RW_BUILD=$(abspath $(BUILD)) bench/run $(if $(QUICK),--quick) $(BENCH)
	@bench/check.py $(if $(QUICK),--ci) $(if $(QUICK)$(BENCH),,--all) bench/report

install: all
	@meson configure $(BUILD) -Dprefix=$(or $(PREFIX),/usr/local) -Dservices=$(SERVICES)
	@meson install -C $(BUILD) $(if $(DESTDIR),--destdir "$(abspath $(DESTDIR))")

fuzz: ci-deps
	@tests/fuzz/run "$(SECONDS)"

coverage: ci-deps
	@tests/coverage

clean:
	rm -rf build build-*

help:
	@echo 'make                              build into $(BUILD)/'
	@echo 'make demo                         show the main job: Cinder runs LVM through us (root)'
	@echo 'make check [PYTEST=ARGS]          all tests, in a sandbox (root)'
	@echo 'make bench [QUICK=1] [BENCH=NAME] our figures beside the others'"'"' (root)'
	@echo 'make install [DESTDIR= PREFIX=]   install, by default into /usr/local; SERVICES=NAME,...'
	@echo 'make fuzz [SECONDS=60]            run each fuzz target so long (clang)'
	@echo 'make coverage                     what the tests reach (gcovr)'
	@echo 'make clean                        remove what was built'
	@echo 'As root, missing Debian packages are installed; otherwise you are told which.'

$(BUILD)/build.ninja:
	@meson setup $(BUILD) --prefix=$(or $(PREFIX),/usr/local)

# what must be there first

build-deps:
	@$(DEPS) build

check-deps:
	@$(DEPS) --then 'make $(firstword $(MAKECMDGOALS))' build check
	@[ "$$(id -u)" -eq 0 ] || { echo 'This needs root (it changes nothing outside its sandbox); run:' >&2; \
	  echo '    sudo make $(firstword $(MAKECMDGOALS))' >&2; exit 1; }

openstack-deps:
	@$(DEPS) --then 'make $(firstword $(MAKECMDGOALS))' openstack

bench-deps:
	@$(DEPS) --then 'make $(firstword $(MAKECMDGOALS))' bench

ci-deps:
	@$(DEPS) build check ci
