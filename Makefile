# The commands of this project; `make help` lists them. Meson does the building.
SHELL = /bin/sh
.DEFAULT_GOAL = help

PREFIX ?= /usr/local
SECONDS ?= 60
SETUP ?= tools/setup
PYTHON = /usr/bin/python3
MESON = meson
BUILD = build/release
STAGE = $(CURDIR)/build/stage

# An inherited MAKEFLAGS or DESTDIR must not reach the staged install.
staged = DESTDIR= $(MESON) install -C $(BUILD) --no-rebuild --quiet

# A new build folder leaves the unit tests out; `make test` puts them in, and then they stay.
without_tests = $(if $(wildcard $(BUILD)/meson-private/coredata.dat),,-Dtests=disabled)

.PHONY: help run test build stage install deb try-package bench fuzz lint format asan tsan soak mutants clean test-windows valgrind proofs setup-build setup-test setup-bench setup-proofs setup-windows

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS='	' read -r name what; do \
		printf '  make %-11s %s\n' "$$name" "$$what"; done

run: stage ## build, start a development HSM, sign and verify with it; ONCE=1 stops it again
	@tools/dev-run

test: setup-test ## every test that needs no special hardware; the last line counts them
	@tools/configure $(BUILD) -Dprefix=$(STAGE) -Dtests=enabled -Dwerror=true -Ddata_dir=$(HOLDFAST_DATA_DIR)
	@$(MESON) compile -C $(BUILD)
	@rm -rf $(STAGE) && $(staged)
	@tools/run-tests $(BUILD) build/test-results

build: stage ## what is missing is installed, then everything is built into build/stage

stage: setup-build
	@tools/configure $(BUILD) -Dprefix=$(STAGE) $(without_tests)
	@$(MESON) compile -C $(BUILD)
	@rm -rf $(STAGE) && $(staged)

install: setup-build ## install below PREFIX= (default /usr/local), staged below DESTDIR=
	@tools/configure $(BUILD) -Dprefix=$(PREFIX) $(without_tests)
	@$(MESON) compile -C $(BUILD)
	@DESTDIR='$(DESTDIR)' $(MESON) install -C $(BUILD) --no-rebuild

deb: setup-build ## the Debian packages, into build/deb
	@tools/make-deb build/deb

try-package: deb ## install it in a bare Debian 13 and use it there; BOOT=1 in a virtual machine under systemd (root)
	@tools/try-package $(if $(BOOT),--boot) build/deb/holdfast_*.deb

bench: setup-bench stage ## measure beside peers in the same run; SUITE=name runs one suite
	@$(PYTHON) bench/run --stage $(STAGE) --out build/bench $(SUITE)

fuzz: setup-test ## fuzz every parser for SECONDS=60 each; TARGET=noun runs one
	@CC=clang tools/configure build/fuzz -Dfuzz=true -Dtests=disabled
	@$(MESON) compile -C build/fuzz fuzz-targets
	@$(PYTHON) tools/run-fuzz --build build/fuzz --seconds $(SECONDS) $(TARGET)

lint: setup-test ## format, clang-tidy, cppcheck, layers, names, sizes
	@tools/lint

format: ## rewrite the C files as .clang-format says
	@tools/lint --format

asan: setup-test ## the unit tests under AddressSanitizer and UBSan (counts for no claim about isolation)
	@tools/configure build/asan -Db_sanitize=address,undefined -Dtests=enabled -Dbuildtype=debug -Doptimization=1
	@$(MESON) compile -C build/asan
	@$(MESON) test -C build/asan --no-rebuild --suite unit --print-errorlogs --timeout-multiplier 5

# Unit tests whose subject is threads.
threaded = ipc-channel ipc-loop mem-alloc mem-arena mem-buffer mem-pool mem-secret mem-wipe sealmem-blob sealmem-coffer

tsan: setup-test ## what threads and processes share, under ThreadSanitizer
	@tools/configure build/tsan -Db_sanitize=thread -Dtests=enabled -Dbuildtype=debug -Doptimization=1
	@$(MESON) compile -C build/tsan $(threaded:%=test-%)
	@$(MESON) test -C build/tsan --no-rebuild --print-errorlogs --timeout-multiplier 10 $(threaded)

# Unit tests of the libraries. Left out: limits, which valgrind itself uses up; ptrace and seccomp, which it does not know; races,
# as it runs one thread at a time; what takes minutes.
checked = mem-alloc mem-arena mem-buffer mem-pool mem-region mem-secret mem-wipe mem-pool-faults harden-budget \
	sealmem-size sealmem-blob file-file file-forms file-judge file-store
memcheck = valgrind -q --fair-sched=yes --error-exitcode=99 --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite \
	--suppressions=$(CURDIR)/tests/valgrind.supp

valgrind: setup-test ## the tests of the libraries under valgrind, which has no memfd_secret: over mlock
	@tools/configure build/valgrind -Dtests=enabled -Dbuildtype=debug -Doptimization=1
	@$(MESON) compile -C build/valgrind $(checked:%=test-%)
	@$(MESON) test -C build/valgrind --no-rebuild --print-errorlogs --timeout-multiplier 30 --wrapper='$(memcheck)' $(checked)

test-windows: setup-windows ## the memory part, built for Windows: its tests under Wine, in build/windows
	@tools/test-windows build/windows

soak: setup-test stage ## the long forms of the tests: hours, thousands of kills
	@HOLDFAST_SOAK=1 tools/run-tests $(BUILD) build/soak-results

mutants: setup-test ## take each protection out of a copy of the source: a named test must notice
	@tools/run-mutations

proofs: setup-proofs ## prove the size and offset arithmetic of the memory library, with CBMC; PROOF=name runs one
	@proofs/run $(PROOF)

clean: ## remove everything that was built, the development data included
	rm -rf build

setup-build:
	@$(SETUP) build
setup-test:
	@$(SETUP) test
setup-bench:
	@$(SETUP) bench
setup-proofs:
	@$(SETUP) proofs
setup-windows:
	@$(SETUP) windows
