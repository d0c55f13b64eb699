# `make help` lists the targets. Everything made lands in build/<tag>/, one folder per interpreter.

# What a recipe removes has to be below this folder. To make a space in its path ends a name, a colon ends a target, and so on;
# and relative paths are those of the folder that make runs in.
ODD_CHARACTERS := $(shell pwd -P | LC_ALL=C tr -d 'A-Za-z0-9/._+@~\200-\377-' | wc -c)
ifneq ($(strip $(ODD_CHARACTERS)),1)
$(error The path of this folder, "$(CURDIR)", has a character that make or a compiler would take for something else: \
nothing was done. Move or clone it to a path of letters, digits and / . _ + @ ~ - (pip install . works here as well))
endif
ifeq ($(filter $(CURDIR)/Makefile,$(abspath $(lastword $(MAKEFILE_LIST))) $(realpath $(lastword $(MAKEFILE_LIST)))),)
$(error This Makefile is for its own folder and none else, and "$(CURDIR)" is another: nothing was done. \
Use make -C FOLDER in place of make -f FOLDER/Makefile)
endif

PYTHON ?= python3
PYTEST_ARGS ?=
CARGO_ARGS ?=

# As one word of the shell's, whatever its path has.
QUOTED_PYTHON := '$(subst ','\'',$(PYTHON))'

# py311, py313t, ...: the t is that of a free-threaded build.
TAG := $(shell $(QUOTED_PYTHON) -c 'import sys, sysconfig; sys.version_info >= (3, 9) and sys.implementation.name == "cpython" and sys.stdout.write("py%d%d%s" % (sys.version_info[:2] + ("t" if sysconfig.get_config_var("Py_GIL_DISABLED") else "",)))')
# The name of one folder, whatever else the interpreter has printed.
ifneq ($(words $(TAG)) $(findstring /,$(TAG)) $(patsubst py3%,py3,$(TAG)),1  py3)
$(error PYTHON=$(PYTHON) does not run, or is no CPython from 3.9 on; name another with `make PYTHON=...`)
endif
FREE_THREADED := $(filter %t,$(TAG))

# PGO=1: everything with a library that is laid out by a profile of its work, in folders of its own. What merges profiles
# must be of the LLVM of rustc: `rustup component add llvm-tools` has it, LLVM_PROFDATA=path names another.
PGO ?=
LLVM_PROFDATA ?= $(or $(shell ls "$$(rustc --print sysroot)"/lib/rustlib/*/bin/llvm-profdata 2>/dev/null | head -n 1),llvm-profdata)

BUILD := $(CURDIR)/build/$(TAG)$(if $(PGO),-pgo)
VENV := $(BUILD)/venv
DEMO := $(BUILD)/demo
BENCH := $(BUILD)/bench
TOOLS := $(BUILD)/tools
QUICK := $(BUILD)/quick
OLDEST := $(BUILD)/oldest
WHEELS := $(BUILD)/wheels
PROFILE := $(BUILD)/profile/pyawaitable.profdata

# A change of interpreter must not rebuild the crate for the others, and cargo and maturin must
# build for the same one.
export CARGO_TARGET_DIR := $(BUILD)/target
export PYO3_PYTHON := $(VENV)/bin/python
# Some of these folders are emptied before they are filled.
$(foreach name,CURDIR BUILD VENV DEMO BENCH TOOLS QUICK OLDEST WHEELS PROFILE CARGO_TARGET_DIR,$(if $(filter-out file,$(origin $(name))),\
    $(error $(name) is not for others to set ($(origin $(name))): what is made lands in build/, and nothing was done)))
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# A virtual environment or folder of the caller's is none of ours.
unexport VIRTUAL_ENV PYTHONPATH PYTHONHOME
# cargo for what an interpreter loads, which has CPython's functions: libpython is not brought along. maturin says so, too.
# A companion crate, whose tests embed an interpreter, does without.
EXTENSION_CARGO := PYO3_BUILD_EXTENSION_MODULE=1 cargo
ifeq ($(TAG),py313t)
# pyo3-ffi's oldest free-threaded target is 3.14; 3.13 is built for tests alone.
export UNSAFE_PYO3_SKIP_VERSION_CHECK := 1
endif

# Folders are listed too: theirs is the time stamp that changes when a file goes.
CRATE_SOURCES := Cargo.toml $(wildcard Cargo.lock) build.rs $(shell find src include)
PACKAGE_SOURCES := pyproject.toml LICENSE $(wildcard README.md) $(shell find python backend -name __pycache__ -prune -o -print)
EXTENSION_SOURCES := $(shell find tests/ext -name build -prune -o -name '*.egg-info' -prune -o -print)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help: ## list the targets
	@echo 'Targets, for the interpreter PYTHON ('$(QUOTED_PYTHON)', $(TAG)):'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{printf "%-20s %s\n", $$1, $$2}'

# First of all, and each time: what is missing is said before anything is fetched or built.
.PHONY: needs
needs:
	@$(QUOTED_PYTHON) backend/pyawaitable_build/needs.py

.PHONY: demo
demo: $(DEMO)/.ready $(DEMO)/.rust ## build the examples and run them: hello, an ASGI application in uvicorn, Rust futures
	"$(DEMO)/bin/python" examples/demo.py
	"$(DEMO)/bin/python" examples/rust/main.py

.PHONY: servers
servers: $(BUILD)/servers/.ready ## serve examples/asgi with one ASGI server after the other (SERVERS_ARGS="--write uvicorn")
	$(BUILD)/servers/bin/python examples/asgi/servers.py $(SERVERS_ARGS)

$(BUILD)/servers/.ready: $(WHEELS)/.built examples/asgi/servers.txt $(wildcard examples/asgi/*.[ch])
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/python -m pip install --quiet $(WHEELS)/*.whl -r examples/asgi/servers.txt
	$(@D)/bin/python -m pip install --quiet --no-build-isolation --no-deps ./examples/asgi
	@touch $@

.PHONY: bench
bench: $(BENCH)/.built ## measure against async def, the original, Cython, the floor (BENCH_ARGS="--quick value deep50")
	"$(BENCH)/venv/bin/python" benches/bench.py $(BENCH_ARGS)

.PHONY: bench-threads
bench-threads: $(BENCH)/.built ## measure waiting for threads against call_soon_threadsafe, to_thread and so on (BENCH_ARGS=--quick)
	"$(BENCH)/venv/bin/python" benches/threads.py $(BENCH_ARGS)

.PHONY: bench-sqlite
bench-sqlite: install ## measure examples/sqlite against sqlite3 and aiosqlite (SQLITE_BENCH_ARGS="--cpu one at-once")
	"$(VENV)/bin/python" -m pip install --quiet --no-build-isolation --no-deps --upgrade --target "$(BUILD)/sqlite" ./examples/sqlite
	PYTHONPATH="$(BUILD)/sqlite" "$(VENV)/bin/python" examples/sqlite/bench.py $(SQLITE_BENCH_ARGS)

.PHONY: counts
counts: $(BENCH)/.built ## count instructions, and fail for more than were written down (COUNTS_ARGS="value")
	"$(BENCH)/venv/bin/python" benches/counts.py $(COUNTS_ARGS)

.PHONY: counts-write
counts-write: $(BENCH)/.built ## count instructions, and write them down in benches/
	"$(BENCH)/venv/bin/python" benches/counts.py --write

$(BENCH)/.ready: requirements/bench.txt examples/requirements.txt | needs
	$(QUOTED_PYTHON) -m venv --clear "$(BENCH)/venv"
	"$(BENCH)/venv/bin/python" -m pip install --quiet -r requirements/bench.txt
	"$(BENCH)/venv/bin/python" -m pip install --quiet --no-deps --upgrade --target "$(BENCH)/original" pyawaitable==2.0.1
	@touch "$@"

$(BENCH)/.built: $(BENCH)/.ready $(WHEELS)/.built $(wildcard benches/*.c benches/*.h) benches/setup.py benches/contender_native.py $(wildcard examples/asgi/*.[ch])
	"$(BENCH)/venv/bin/python" -m pip install --quiet --no-index --no-deps --force-reinstall "$(WHEELS)"/*.whl
	BENCH="$(BENCH)" "$(BENCH)/venv/bin/python" benches/setup.py --quiet build_ext --force
	@touch "$@"

.PHONY: test
test: format-check clippy ruff cargo-test companions pytest ## run every check and test
	@echo 'make test: all passed on $(TAG)'

.PHONY: quick
quick: $(QUICK)/.extensions ## after a change: build with debug assertions, and run the tests that are not slow (QUICK_ARGS="-k name")
	PATH="$(QUICK)/venv/bin:$$PATH" "$(QUICK)/venv/bin/python" -m pytest -q $(addprefix --ignore=tests/,$(SLOW)) --differential-one-in=20 $(QUICK_ARGS)

.PHONY: test-all
test-all: $(TOOLS)/.ready ## test every CPython from 3.9 to 3.15 that is found (VERSIONS="3.9 3.13t" SUITE=reduced)
	+PYTHON=$(QUOTED_PYTHON) "$(TOOLS)/bin/nox" --sessions $(or $(foreach version,$(VERSIONS),'tests($(version))'),tests) report

# The first release of pyo3-ffi in the range of Cargo.toml.
PYO3_FFI ?= $(shell sed -n 's/^pyo3-ffi = ">=\([0-9.]*\), .*/\1.0/p' Cargo.toml)

# In a copy of the tree, which gets a Cargo.lock of its own.
.PHONY: oldest
oldest: $(VENV)/.ready ## run clippy and `make quick` with the oldest pyo3-ffi (PYO3_FFI=0.28.3 QUICK_ARGS="-k name")
	mkdir -p "$(OLDEST)"
	find "$(OLDEST)" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} +
	tar -c --exclude=./.git --exclude=./build --exclude=./dist --exclude=./target . | tar -x -C "$(OLDEST)"
	cd "$(OLDEST)" && cargo update --quiet --package pyo3 --precise "$(PYO3_FFI)" # with its pyo3-ffi
	cd "$(OLDEST)" && $(EXTENSION_CARGO) clippy --quiet --locked --lib --examples --target-dir build/target -- -D warnings
	$(MAKE) -C "$(OLDEST)" quick
	@echo 'make oldest: all passed with pyo3-ffi $(PYO3_FFI)'

# As Cargo.toml says, and what rustup calls it: 1.85-x86_64-unknown-linux-gnu, 1.85.1-...
MSRV := $(shell sed -n 's/^rust-version = "\([0-9.]*\)"$$/\1/p' Cargo.toml)
MSRV_TOOLCHAIN ?= $(lastword $(shell rustup toolchain list 2>/dev/null | sed -n 's/^\($(MSRV)[-.][^ ]*\).*/\1/p'))

.PHONY: msrv
msrv: $(VENV)/.ready ## check the Rust code with the oldest Rust that will do (MSRV_TOOLCHAIN=1.85.1)
	@[ -n "$(MSRV_TOOLCHAIN)" ] || { echo 'Rust $(MSRV) is missing: rustup toolchain install $(MSRV) --profile minimal'; exit 1; }
	PYO3_BUILD_EXTENSION_MODULE=1 rustup run "$(MSRV_TOOLCHAIN)" cargo check --quiet --locked --all-targets --target-dir "$(BUILD)/msrv"
	@echo 'make msrv: all passed with $(MSRV_TOOLCHAIN)'

# In sources that are no clone, too. What is left out is in .clang-format-ignore.
CLANG_FORMAT = find benches examples include src tests \( -name build -o -name '*.egg-info' \) -prune \
    -o -type f \( -name '*.[ch]' -o -name '*.[ch]pp' \) -exec "$(VENV)/bin/clang-format"

.PHONY: format-check format-check-rust format-check-python format-check-c
format-check: format-check-rust format-check-python format-check-c ## check the formatting of the Rust, Python and C code

format-check-rust: needs
	cargo fmt --all --check

format-check-python: $(VENV)/.ready
	"$(VENV)/bin/ruff" format --quiet --check .

format-check-c: $(VENV)/.ready
	$(CLANG_FORMAT) --dry-run --Werror {} +

.PHONY: format
format: $(VENV)/.ready ## format the Rust, Python and C code, sort the imports of the Python code
	cargo fmt --all
	"$(VENV)/bin/ruff" check --quiet --fix --select I .
	"$(VENV)/bin/ruff" format --quiet .
	$(CLANG_FORMAT) -i {} +

.PHONY: clippy
clippy: $(VENV)/.ready ## check the Rust code, warnings are errors
	$(EXTENSION_CARGO) clippy --quiet --workspace --all-targets --features pyawaitable-pyo3/tokio $(CARGO_ARGS) -- -D warnings

.PHONY: cargo-test
cargo-test: $(VENV)/.ready ## run the tests that need no interpreter (CARGO_ARGS="--test machine")
	$(EXTENSION_CARGO) test --quiet --workspace --exclude pyawaitable-pyo3 $(CARGO_ARGS)

.PHONY: models
models: needs ## try all interleavings of threads that wake an event loop, by loom (LOOM_MAX_PREEMPTIONS=n for more)
	LOOM_MAX_PREEMPTIONS=$${LOOM_MAX_PREEMPTIONS:-3} RUSTFLAGS="--cfg loom" cargo test --quiet --package models --target-dir "$(CURDIR)/build/models"

.PHONY: ruff
ruff: $(VENV)/.ready ## check the Python code
	"$(VENV)/bin/ruff" check --quiet .

.PHONY: pytest
pytest: extensions ## build the C test extensions, run the tests (PYTEST_ARGS="-k name -x")
	PATH="$(VENV)/bin:$$PATH" "$(VENV)/bin/python" -m pytest $(PYTEST_ARGS)

# The extension modules are cargo's examples, which the tests build; the documentation's examples are programs, which embed the
# interpreter, and find its libpython at the path that it names.
LIBPYTHON = $(shell $(QUOTED_PYTHON) -c 'import sysconfig; print(sysconfig.get_config_var("LIBDIR") or "")')

.PHONY: companions
companions: $(VENV)/.ready ## test the crates for PyO3: every event loop, the documentation (COMPANIONS_ARGS="-k name")
	RUSTDOCFLAGS="-D warnings" cargo doc --quiet --locked --no-deps --features pyawaitable-pyo3/tokio --package pyawaitable --package pyawaitable-pyo3
	LD_LIBRARY_PATH="$(LIBPYTHON)" cargo test --quiet --locked --doc --features tokio --package pyawaitable-pyo3
	"$(VENV)/bin/python" -m pytest -q crates/pyawaitable-pyo3/tests $(COMPANIONS_ARGS)

.PHONY: crates
crates: $(VENV)/.ready ## package the three crates as cargo would publish them, and build each from its package
	$(EXTENSION_CARGO) package --quiet --locked --allow-dirty --package pyawaitable --package pyawaitable-pyo3-macros --package pyawaitable-pyo3

.PHONY: fuzz
fuzz: extensions ## run random programs as async def and in C, and random calls under AddressSanitizer (PROGRAMS=n CALLS=n)
	PYTHONPATH=tests "$(VENV)/bin/python" -m fuzz --programs $(or $(PROGRAMS),100000) --calls 0 $(if $(SEED),--seed $(SEED))
	tests/fuzz/asan.sh "$(VENV)/bin/python" --programs 0 --calls $(or $(CALLS),1000000)

.PHONY: fuzz-bodies
fuzz-bodies: extensions ## run random programs as async def and as bodies and generators in C (PROGRAMS=n SEED=n FUZZ_CC=tcc, which is faster)
	PYTHONPATH=tests "$(VENV)/bin/python" -m fuzz.bodies --programs $(or $(PROGRAMS),10000) $(if $(SEED),--seed $(SEED)) $(if $(FUZZ_CC),--cc $(FUZZ_CC))
	PYTHONPATH=tests "$(VENV)/bin/python" -m fuzz.generators --programs $(or $(PROGRAMS),10000) $(if $(SEED),--seed $(SEED)) $(if $(FUZZ_CC),--cc $(FUZZ_CC))

.PHONY: extensions
extensions: $(VENV)/.extensions ## build the C test extensions alone

.PHONY: nomem
nomem: extensions ## run every scenario with each allocation in turn failing (NOMEM_ARGS=--fast)
	cd tests && "$(VENV)/bin/python" -m nomem $(NOMEM_ARGS)

.PHONY: sanitize
sanitize: extensions ## run the tests under AddressSanitizer and its like (SANITIZE_ARGS="address leaks")
	PYTHON=$(QUOTED_PYTHON) "$(VENV)/bin/python" tests/sanitize/run.py "$(BUILD)" $(SANITIZE_ARGS)

.PHONY: refleaks
refleaks: extensions ## run each test six times, on a debug build of CPython (DEBUG_PYTHON=path), and count references
	"$(VENV)/bin/python" tests/refleaks/run.py $(REFLEAKS_ARGS)

.PHONY: install
install: $(VENV)/.installed ## build the library into build/<tag>/venv

.PHONY: wheel
wheel: $(WHEELS)/.built ## build the wheel
	@ls "$(WHEELS)"/*.whl

.PHONY: library
library: $(VENV)/.ready ## lay out libpyawaitable and its header in build/<tag>/library, as for /usr/local
	"$(VENV)/bin/python" backend/pyawaitable_build/library.py "$(BUILD)/library"

.PHONY: wheels
wheels: $(TOOLS)/.ready ## make a wheel for every CPython that is found, and an sdist, in dist/, and check them
	+PYTHON=$(QUOTED_PYTHON) "$(TOOLS)/bin/nox" --stop-on-first-error --sessions wheels audit from_sdist

.PHONY: audit
audit: $(TOOLS)/.ready ## check the wheels in dist/: auditwheel, abi3audit, check-wheel-contents
	+PYTHON=$(QUOTED_PYTHON) "$(TOOLS)/bin/nox" --sessions audit

.PHONY: sdist
sdist: $(VENV)/.ready ## build the source distribution
	rm -rf "$(BUILD)/sdist"
	"$(VENV)/bin/maturin" sdist --out "$(BUILD)/sdist"
	@ls "$(BUILD)/sdist"/*.tar.gz

.PHONY: suites
suites: install ## run other people's tests with a C trampoline under every coroutine (SUITES="trio anyio" RECORD=1)
	cd tests && "$(VENV)/bin/python" -m suites --build "$(BUILD)" $(if $(RECORD),--record) $(SUITES)

.PHONY: frameworks
frameworks: install ## run C functions and the same as async def in web frameworks and other tools (FRAMEWORKS_ARGS="--write starlette")
	cd tests && "$(VENV)/bin/python" -m frameworks --build "$(BUILD)" $(FRAMEWORKS_ARGS)

.PHONY: soak
soak: extensions $(DEMO)/.ready ## run a server, and tasks that are cancelled, for long: memory stays flat (MINUTES=60)
	"$(DEMO)/bin/python" -m pip install --quiet --no-build-isolation --no-deps --force-reinstall ./examples/asgi
	"$(VENV)/bin/python" tests/soak/soak.py --server-python "$(DEMO)/bin/python" --minutes $(or $(MINUTES),60)

.PHONY: audit-dependencies
audit-dependencies: ## check all crates: advisories, licences, sources (CHECKS="bans licenses sources" without a network)
	@cargo deny --version >/dev/null || { echo 'cargo-deny is missing: cargo install --locked cargo-deny'; exit 1; }
	cargo deny check $(CHECKS)

.PHONY: header
header: ## make the parts of the header, the table and the lists of functions from src/capi
	cargo run --quiet --package xtask

.PHONY: rule
rule: ## print a rule of docs/spec.md, with what keeps it and the tests that claim it (ID=steps.3)
	@$(PYTHON) tests/spec.py $(ID)

.PHONY: clean
clean: ## remove everything that was built, for all interpreters
	rm -rf build dist target examples/*/build examples/*/*.egg-info .hypothesis

$(VENV)/.ready: requirements/build.txt requirements/test.txt requirements/compiled.txt | needs
	$(QUOTED_PYTHON) -m venv --clear "$(VENV)"
	"$(VENV)/bin/python" -m pip install --quiet -r requirements/test.txt $(if $(FREE_THREADED),,-r requirements/compiled.txt)
	@touch "$@"

# What is about packages, libraries and whole builds, which `make quick` does not make, or takes long.
SLOW := $(addprefix test_,$(addsuffix .py,backend backports benchmarks bodies builds copies dialects embedding examples freezing \
    free_threading function_modes greenlets header libraries memory no_panic package paths public_names pyproject readme scale values variadic versions \
    workspace wrong_bodies body_dialects body_abi bodies_around generators_around wakers_process)) \
    differential/test_loops.py differential/test_scripted.py differential/test_translated.py fuzz/test_fuzz.py fuzz/test_written.py nomem sqlite_driver suites

# The package as it is in the source tree, and the extension module beside it. Nothing is installed anew.
$(QUICK)/.ready: requirements/build.txt requirements/test.txt requirements/compiled.txt $(wildcard python/_pyawaitable/*.*) | needs
	$(QUOTED_PYTHON) -m venv --clear "$(QUICK)/venv"
	"$(QUICK)/venv/bin/python" -m pip install --quiet -r requirements/test.txt $(if $(FREE_THREADED),,-r requirements/compiled.txt)
	site=$$("$(QUICK)/venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("platlib"))') && \
	    ln -s "$(CURDIR)/python/pyawaitable" "$$site/pyawaitable" && mkdir "$$site/_pyawaitable" && \
	    for file in $(wildcard python/_pyawaitable/*.*); do ln -s "$(CURDIR)/$$file" "$$site/_pyawaitable/"; done
	@touch "$@"

$(QUICK)/.library: $(QUICK)/.ready $(CRATE_SOURCES)
	PYO3_PYTHON="$(QUICK)/venv/bin/python" $(EXTENSION_CARGO) rustc --quiet --profile quick --lib --crate-type cdylib --target-dir "$(QUICK)/target"
	made=$$(ls "$(QUICK)"/target/quick/libpyawaitable.so "$(QUICK)"/target/quick/libpyawaitable.dylib 2>/dev/null || true) && \
	    place=$$("$(QUICK)/venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("platlib") + "/_pyawaitable/__init__" + sysconfig.get_config_var("EXT_SUFFIX"))') && \
	    cp "$$made" "$$place.new" && mv "$$place.new" "$$place"
	@touch "$@"

$(QUICK)/.extensions: $(QUICK)/.library $(QUICK)/.compiled
	@touch "$@"

$(QUICK)/.compiled: $(QUICK)/.ready $(EXTENSION_SOURCES) $(shell find include -name "*.h") | $(QUICK)/.library
	cd tests/ext && "$(QUICK)/venv/bin/python" setup.py --quiet build_ext --parallel 2 \
	    --build-temp "$(QUICK)/extensions" --build-lib "$$("$(QUICK)/venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("platlib"))')"
	@touch "$@"

$(TOOLS)/.ready: requirements/tools.txt | needs
	$(QUOTED_PYTHON) -m venv --clear "$(TOOLS)"
	"$(TOOLS)/bin/python" -m pip install --quiet -r requirements/tools.txt
	@touch "$@"

# Not by maturin's --pgo, which would leave libpyawaitable without. cargo does not notice a new profile by itself.
$(PROFILE): $(VENV)/.ready $(CRATE_SOURCES) $(addprefix benches/,train.py training.c cases.py contender_native.py awaitables.c bodies.c)
	rm -rf "$(@D)" "$(CARGO_TARGET_DIR)"
	RUSTFLAGS="-Cprofile-generate=$(@D)/raw" "$(VENV)/bin/maturin" build --quiet --profile extension --compatibility linux \
	    --interpreter "$(VENV)/bin/python" --target-dir "$(@D)/target" --out "$(@D)"
	"$(VENV)/bin/python" -m pip install --quiet --no-index --no-deps --target "$(@D)/site" "$(@D)"/*.whl
	rm -rf "$(@D)/raw"
	PYTHONPATH="$(@D)/site" "$(VENV)/bin/python" benches/train.py "$(@D)/training"
	"$(LLVM_PROFDATA)" merge --output "$@" "$(@D)/raw" || { echo 'make PGO=1 needs the llvm-profdata of'; rustc -vV; exit 1; }

$(WHEELS)/.built: $(VENV)/.ready $(CRATE_SOURCES) $(PACKAGE_SOURCES) $(if $(PGO),$(PROFILE))
	rm -rf "$(WHEELS)"
	$(if $(PGO),RUSTFLAGS="-Cprofile-use=$(PROFILE)") PATH="$(VENV)/bin:$$PATH" "$(VENV)/bin/python" -m pip wheel --quiet --no-build-isolation --no-deps \
	    --config-settings 'build-args=--compatibility pypi' --wheel-dir "$(WHEELS)" .
	@touch "$@"

$(VENV)/.installed: $(WHEELS)/.built
	"$(VENV)/bin/python" -m pip install --quiet --no-index --no-deps --force-reinstall "$(WHEELS)"/*.whl
	@touch "$@"

# setup.py would rebuild only what is older than its sources, but a header that grew counts for all.
$(VENV)/.extensions: $(VENV)/.installed $(EXTENSION_SOURCES)
	cd tests/ext && "$(VENV)/bin/python" setup.py --quiet build_ext --parallel 2 \
	    --build-temp "$(BUILD)/extensions" --build-lib "$$("$(VENV)/bin/python" -c 'import sysconfig; print(sysconfig.get_path("platlib"))')"
	@touch "$@"

$(DEMO)/.rust: $(DEMO)/.ready $(CRATE_SOURCES) $(shell find crates/pyawaitable-pyo3/src crates/pyawaitable-pyo3-macros/src examples/rust/src)
	rm -rf "$(BUILD)/rust-example"
	"$(VENV)/bin/maturin" build --quiet --release --locked --compatibility linux --interpreter "$(DEMO)/bin/python" \
	    --manifest-path examples/rust/Cargo.toml --target-dir "$(BUILD)/rust-example/target" --out "$(BUILD)/rust-example"
	"$(DEMO)/bin/python" -m pip install --quiet --no-index --no-deps --force-reinstall "$(BUILD)/rust-example"/*.whl
	@touch "$@"

$(DEMO)/.ready: $(WHEELS)/.built examples/requirements.txt
	$(QUOTED_PYTHON) -m venv --clear "$(DEMO)"
	"$(DEMO)/bin/python" -m pip install --quiet "$(WHEELS)"/*.whl -r examples/requirements.txt
	@touch "$@"
