# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The swift-urcu authors

# make run      the demonstration; ARGS="…" are its arguments
# make check    the quick checks, for each commit: format, a debug build without warnings, quick tests
# make test     every check, stopping at the first that fails; a table of times at the end
# make bench    the benchmarks; ARGS="…" are their arguments
# make bench-check  the benchmarks that Benchmarks/thresholds.txt bounds; fails if a bound is broken
# make test-liburcu PREFIX=…  the runtime's tests with the liburcu that is installed there
# make seeded   puts three bugs into a copy of the model, one at a time, and expects them to be found
# make stress   the stress tests only, SWIFT_URCU_STRESS_SECONDS seconds each (default 60);
#               SWIFT_URCU_VERBOSE=1 shows the lines around the changes that their readers see first
# make docs     the documentation of all modules, for a browser, and checks of it; code of articles is run
# make format   formats the sources in place
# make clean    removes what was built

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.NOTPARALLEL:

scripts := Tests/Scripts
formatted := $(wildcard Package.swift Sources Tests Examples Benchmarks Tools)
release := -c release -Xswiftc -enable-testing
run_tests := bash $(scripts)/run-tests.sh
without_warnings := bash $(scripts)/without-warnings.sh "$(CURDIR)"
stages := bash $(scripts)/stages.sh
benchmarks = $$(swift build -c release --package-path Benchmarks --show-bin-path)
SWIFT_URCU_STRESS_SECONDS ?=

define heading
@printf '\n==> %s\n' '$(1)'
endef

# What make test is made of: what finds most comes first, then what takes longest.
checks := check test-release test-tsan test-asan
# Two of these at a time.
side_checks := test-server test-tools test-examples test-benchmarks test-liburcu test-denied \
  test-consumer \
  test-plugins test-arm64 test-without-liburcu test-thread-ends docs

.PHONY: run prove bench bench-check check test seeded stress docs format clean deps lint build quick \
  build-tools quick-tools \
  test-debug $(checks) $(side_checks)

run: deps
	swift run -c release --package-path Examples maps-race $(ARGS)

bench: deps
	@bash Benchmarks/Peers/build.sh
	swift run -c release --package-path Benchmarks swift-urcu-benchmarks \
	  --peers Benchmarks/.build/peers $(ARGS)

bench-check:
	@$(MAKE) --no-print-directory bench ARGS='--check Benchmarks/thresholds.txt $(ARGS)'

# Warnings are errors in the checks' builds: a file that isn't compiled again doesn't warn again.
check test $(checks) $(side_checks) test-debug build build-tools stress docs: export SWIFT_URCU_WARNINGS_AS_ERRORS = 1

test: deps
	@MAKE="$(MAKE)" $(stages) $(checks) -- $(side_checks)
	$(call heading,All checks passed)

check: deps lint build build-tools quick quick-tools

deps:
	$(call heading,Dependencies)
	@bash $(scripts)/deps.sh

lint:
	$(call heading,Format)
	swift format lint --strict --recursive --parallel $(formatted)
	@bash $(scripts)/line-widths.sh

build: deps
	$(call heading,Debug build without warnings)
	$(without_warnings) swift build --build-tests

build-tools: deps
	$(call heading,Debug build of the tools without warnings)
	$(without_warnings) swift build --package-path Tools --build-tests

quick: build
	$(call heading,Quick tests)
	SWIFT_URCU_TESTS=quick $(run_tests) swift test

quick-tools: build-tools
	$(call heading,Quick tests of the tools)
	SWIFT_URCU_TESTS=quick $(run_tests) swift test --package-path Tools

# All of them unoptimised: on demand.
test-debug: deps
	$(call heading,Tests: debug)
	$(run_tests) swift test

test-release: deps
	$(call heading,Tests: release)
	$(run_tests) swift test $(release) --scratch-path .build-release

# What threads share. Optimised: an unoptimised build counts references where an optimised one doesn't,
# and they order threads, so that a race may stay hidden.
test-tsan: deps
	$(call heading,Tests: ThreadSanitizer)
	SWIFT_URCU_PART=concurrency bash $(scripts)/tsan.sh .build-tsan $(release)

# Not the address spaces' tests: they map, for the kernel to judge, where AddressSanitizer has its own.
test-asan: deps
	$(call heading,Tests: AddressSanitizer and LeakSanitizer)
	SWIFT_URCU_PART=runtime bash $(scripts)/asan.sh .build-asan $(release)

test-liburcu: deps
	$(call heading,Tests: another liburcu)
	PREFIX="$(PREFIX)" bash $(scripts)/liburcu.sh

test-without-liburcu: deps
	$(call heading,Tests: without liburcu)
	bash $(scripts)/without-liburcu.sh

test-denied: build build-tools
	$(call heading,Tests: without some system calls)
	bash $(scripts)/denied.sh

test-thread-ends: deps
	$(call heading,Signal handlers at each step of the end of a thread)
	bash $(scripts)/thread-ends.sh

test-arm64:
	$(call heading,C code for another processor: aarch64)
	bash $(scripts)/arm64.sh

test-consumer: deps
	$(call heading,A package that depends on this one)
	bash $(scripts)/consumer.sh

test-plugins: deps
	$(call heading,Plug-ins with a copy of the library each)
	bash $(scripts)/plugins.sh

test-tools: deps
	$(call heading,Tools)
	$(run_tests) swift test --package-path Tools $(release)
	bash $(scripts)/tools.sh -c release

test-examples: deps
	$(call heading,Examples)
	$(without_warnings) swift build --package-path Examples --build-tests
	$(run_tests) swift test --no-parallel --package-path Examples

# Without -enable-testing, which would change the code that is checked and measured.
# The integrations with other packages, too: this package turns all traits on.
test-server: deps
	$(call heading,Servers and integrations)
	$(run_tests) swift test --no-parallel --package-path Examples/Server

test-benchmarks: deps
	$(call heading,Benchmarks and machine code of the read paths)
	$(without_warnings) swift build -c release --package-path Benchmarks --build-tests
	$(benchmarks)/disassembly-probes >/dev/null
	swift build --package-path Tools --product check-machine-code
	$$(swift build --package-path Tools --show-bin-path)/check-machine-code \
	  $(benchmarks)/disassembly-probes
	$(run_tests) swift test --no-parallel -c release --package-path Benchmarks \
	  --disable-testable-imports

# The models of the protocols, by spin: on demand.
prove:
	$(call heading,Models)
	@EXTRA_PACKAGES="spin gcc" bash $(scripts)/deps.sh
	@bash $(scripts)/prove.sh $(MODELS)

seeded: deps
	$(call heading,Seeded bugs)
	bash $(scripts)/seeded-bugs.sh

stress: deps
	$(call heading,Stress tests)
	SWIFT_URCU_STRESS_SECONDS=$(or $(SWIFT_URCU_STRESS_SECONDS),60) \
	  $(run_tests) swift test $(release) --scratch-path .build-release --filter "[Ss]tress"
	SWIFT_URCU_STRESS_SECONDS=$(or $(SWIFT_URCU_STRESS_SECONDS),60) \
	  $(run_tests) swift test $(release) --package-path Tools --filter "[Ss]tress"

docs: deps
	$(call heading,Documentation)
	@bash $(scripts)/docs.sh

format:
	swift format --in-place --recursive --parallel $(formatted)

clean:
	rm -rf .build .build-* Examples/.build Benchmarks/.build Tools/.build Tests/Consumer/.build
