# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The swift-urcu authors

# make run      the demonstration; ARGS="…" are its arguments
# make bench    the benchmarks; ARGS="…" are their arguments
# make bench-check  the benchmarks that Benchmarks/thresholds.txt bounds; fails if a bound is broken
# make test     every check, stopping at the first that fails
# make seeded   puts three bugs into a copy of the model, one at a time, and expects them to be found
# make stress   the stress tests only, SWIFT_URCU_STRESS_SECONDS seconds each (default 60);
#               SWIFT_URCU_VERBOSE=1 shows the lines around the changes that their readers see first
# make format   formats the sources in place
# make clean    removes what was built

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.NOTPARALLEL:

scripts := Tests/Scripts
formatted := $(wildcard Package.swift Sources Tests Examples Benchmarks)
release := -c release -Xswiftc -enable-testing
run_tests := bash $(scripts)/run-tests.sh
without_warnings := bash $(scripts)/without-warnings.sh "$(CURDIR)"
SWIFT_URCU_STRESS_SECONDS ?=

define heading
@printf '\n==> %s\n' '$(1)'
endef

.PHONY: run bench bench-check test seeded stress format clean deps lint build test-debug \
  test-release test-tsan test-tsan-release test-asan test-consumer test-disassembly test-examples \
  test-benchmarks

run: deps
	swift run -c release --package-path Examples maps-race $(ARGS)

bench: deps
	@bash Benchmarks/Peers/build.sh
	swift run -c release --package-path Benchmarks swift-urcu-benchmarks \
	  --peers Benchmarks/.build/peers $(ARGS)

bench-check:
	@$(MAKE) --no-print-directory bench ARGS='--check Benchmarks/thresholds.txt $(ARGS)'

test: deps lint build test-debug test-release test-tsan test-tsan-release test-asan test-consumer \
  test-disassembly test-examples test-benchmarks
	$(call heading,All checks passed)

deps:
	$(call heading,Dependencies)
	@bash $(scripts)/deps.sh

lint:
	$(call heading,Format)
	swift format lint --strict --recursive --parallel $(formatted)

# Unchanged files are not compiled again, hence don't warn again: touch them all.
build: deps
	$(call heading,Debug build without warnings)
	@find Package.swift Sources Tests CShims -type f -name '*.[sch]*' -exec touch {} +
	$(without_warnings) swift build --build-tests

test-debug: deps
	$(call heading,Tests: debug)
	$(run_tests) swift test

test-release: deps
	$(call heading,Tests: release)
	$(run_tests) swift test $(release) --scratch-path .build-release

test-tsan: deps
	$(call heading,Tests: ThreadSanitizer debug)
	bash $(scripts)/tsan.sh .build-tsan

test-tsan-release: deps
	$(call heading,Tests: ThreadSanitizer release)
	bash $(scripts)/tsan.sh .build-tsan-release $(release)

# Not the address spaces' tests: they map, for the kernel to judge, where AddressSanitizer has its own.
test-asan: deps
	$(call heading,Tests: AddressSanitizer and LeakSanitizer)
	bash $(scripts)/asan.sh .build-asan $(release) --filter "ReadCopyUpdateTests|SequenceLocksTests"

test-consumer: deps
	$(call heading,A package that depends on this one)
	bash $(scripts)/consumer.sh

test-disassembly: deps
	$(call heading,Machine code of the read paths)
	bash $(scripts)/disassembly.sh

test-examples: deps
	$(call heading,Examples)
ifneq ($(wildcard Examples/Package.swift),)
	$(without_warnings) swift build --package-path Examples
	$(MAKE) --no-print-directory check-examples
else
	@echo "no Examples/Package.swift yet"
endif

# The programs' own checks, in their short form.
.PHONY: check-examples
check-examples:
	$(call heading,Examples: their checks)
	$(run_tests) swift test --package-path Examples
	bash $(scripts)/examples.sh

test-benchmarks: deps
	$(call heading,Benchmarks)
ifneq ($(wildcard Benchmarks/Package.swift),)
	$(without_warnings) swift build -c release --package-path Benchmarks
	$(MAKE) --no-print-directory check-benchmarks
else
	@echo "no Benchmarks/Package.swift yet"
endif

.PHONY: check-benchmarks
check-benchmarks:
	$(call heading,Benchmarks: their checks)
	bash $(scripts)/benchmarks.sh

seeded: deps
	$(call heading,Seeded bugs)
	bash $(scripts)/seeded-bugs.sh

stress: deps
	$(call heading,Stress tests)
	SWIFT_URCU_STRESS_SECONDS=$(or $(SWIFT_URCU_STRESS_SECONDS),60) \
	  $(run_tests) swift test $(release) --scratch-path .build-release --filter "[Ss]tress"

format:
	swift format --in-place --recursive --parallel $(formatted)

clean:
	rm -rf .build .build-release .build-tsan .build-tsan-release .build-asan
	rm -rf Examples/.build Benchmarks/.build
