# Tests. Every target ends with a line `N passed, N failed`.

# test/unit/*_test.cc know no engine. Those in test/unit/engine/, in namespace
# runtime::RUNTIME_ENGINE, are compiled once for each, and have a program of their own for LuaJIT.
ENGINE_TESTS := $(wildcard test/unit/engine/*_test.cc)
UNIT_TESTS   := $(B)/unit_tests $(B)/unit_tests_luajit
$(B)/unit_tests: $(patsubst %.cc,$(B)/core/%.o,$(wildcard test/unit/*_test.cc)) $(ENGINE_TESTS:%.cc=$(B)/lua54/%.o)
$(B)/unit_tests_luajit: $(ENGINE_TESTS:%.cc=$(B)/luajit/%.o)
# What shared modules consist of, as far as it knows no engine, and its libraries.
SHARED_CORE_OBJ := $(patsubst %.cc,$(B)/core/%.o,$(wildcard lualib-src/cluster/tls/*.cc lualib-src/crypt/*.cc lualib-src/docstore/*.cc lualib-src/docstore/*/*.cc lualib-src/tls/*.cc) lualib-src/mongo/compression.cc \
                     $(addprefix runtime-src/services/wsgate/,deflate.cc handshake.cc offer.cc options.cc) \
                     $(filter-out $(wildcard 3rd/*/lua_*.cc),$(wildcard 3rd/*/*.cc)))
UNIT_PKGS := gtest_main libidn libpcre2-8 libzstd openssl snappy sqlite3 zlib
$(UNIT_TESTS): $(SHARED_CORE_OBJ)

# The sanitizers' builds are slower, and have modules of their own.
CASE_FLAGS := --bin $(RUNTIME) $(if $(filter release,$(VARIANT)),,--luaclib $(LUACLIB) \
                --config 'cpath = "$(abspath $(CSERVICE))/?.so"' --slow 4)
export ASAN_OPTIONS  ?= abort_on_error=1:detect_stack_use_after_return=0
export UBSAN_OPTIONS ?= print_stacktrace=1
export TSAN_OPTIONS  ?= halt_on_error=1:second_deadlock_stack=1

$(UNIT_TESTS): $(LIB_OBJ) $(ENGINE_COPIES) $(EXPORTS) test/test.mk
	$(call say,link,$@) $(CXX) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LIBS) \
	  $(shell $(PKG) --libs $(UNIT_PKGS)) -Wl,--dynamic-list=$(EXPORTS)

test: setup-test    ## set up, build, and run all tests, on both engines
	@$(MAKE) all $(UNIT_TESTS)
	@test/sum "$(MAKE) -s test-headers" "$(MAKE) -s test-source" "$(MAKE) -s test-model" "$(MAKE) -s test-unit" "$(MAKE) -s test-lua" \
	  "$(MAKE) -s test-conformance" "$(MAKE) -s test-clients" "$(MAKE) -s test-cli" "$(MAKE) -s test-docstore" \
	  $(if $(filter release,$(VARIANT)),"$(MAKE) -s test-demo")

test-headers:       ## compile each public header alone, as C and as C++
	@CC="$(CC)" CXX="$(CXX)" test/run_headers

test-source:        ## compare the sources with the parts in docs/design.md; each memory order names what it pairs with
	@test/run_source

test-model:         ## check the models of lock-free code with spin (MODELS="parking" for one of them)
	@CC="$(CC)" test/model/run $(MODELS)

test-unit: $(UNIT_TESTS)  ## run the C++ unit tests
	@test/run_unit $(UNIT_TESTS)

# ONLY is a list of patterns, each a piece of AREA/NAME; CASES are further options of test/run_cases.
test-lua: all       ## run the Lua tests (ONLY="lua/NAME ..." for some of them)
	@test/run_cases lua $(CASE_FLAGS) $(CASES) $(ONLY)

test-conformance: all  ## run the conformance cases of test/conformance-areas (ONLY="core/NAME ...")
	@test/run_cases conformance $(CASE_FLAGS) $(CASES) $(ONLY)

test-clients: all   ## run clients that others wrote against a node: nc, curl, openssl, ws, Chromium
	@LUACLIB=$(LUACLIB) CSERVICE=$(CSERVICE) test/clients/run $(RUNTIME)

test-cli: all       ## start the executable as a person would, also with what is wrong (ONLY="NAME ...")
	@test/cli/run --bin $(RUNTIME) --luaclib $(LUACLIB) --cservice $(CSERVICE) \
	  $(if $(filter release,$(VARIANT)),,--slow 4) $(ONLY)

ROUNDS ?= 3
test-docstore: all  ## kill a node that writes to its document store, and look for each acknowledged write (ROUNDS=50)
	@LUACLIB=$(LUACLIB) CSERVICE=$(CSERVICE) test/docstore/run --rounds $(ROUNDS) $(RUNTIME)

# They wait most of the time, hence more of them at once. Their modules are those of the release.
test-demo: all      ## start nodes with the configs of etc/, and look at what they show (ONLY="demo_page ...")
	@test/demo/run --bin $(RUNTIME) --jobs 6 $(ONLY)

# STORM_SECONDS is for one engine; the other one runs as long, beside it.
STORM_SECONDS ?= 60
test-tsan: all $(UNIT_TESTS)  ## run the unit tests, the storm and a test of signals (with VARIANT=tsan: make tsan)
	@test/sum "$(MAKE) -s test-unit" "$(MAKE) -s test-storm" "$(MAKE) -s test-cli ONLY=obeys_signals"

test-storm: all     ## many workers, and services that call, end and time out at random (STORM_SECONDS=N)
	@test/run_cases lua $(CASE_FLAGS) --config storm_seconds=$(STORM_SECONDS) storm

# With 100000 services a node needs 6 GB of memory; SERVICES says how many.
SERVICES ?= 100000
soak: all           ## start, use and end 100000 services in one node, on both engines (SERVICES=N)
	@LUACLIB=$(LUACLIB) CSERVICE=$(CSERVICE) test/soak/run $(RUNTIME) $(SERVICES)

soak-nodes: all     ## three nodes, harbor, cluster and multicast: every message counted (NODES_MINUTES=N)
	@LUACLIB=$(LUACLIB) CSERVICE=$(CSERVICE) NODES_MINUTES=$(NODES_MINUTES) test/soak/nodes $(RUNTIME)

.PHONY: soak soak-nodes test test-docstore test-tsan test-storm test-headers test-source test-model test-unit test-lua test-conformance test-clients test-cli test-demo

include test/fuzz/fuzz.mk
