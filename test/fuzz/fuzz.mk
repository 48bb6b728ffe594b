# Fuzzers: test/fuzz/NAME_fuzz.cc, built by clang with libFuzzer in a variant of its own. FUZZ_NAME
# lists the objects under build/fuzz that NAME links; test/fuzz/NAME.dict and test/fuzz/corpus/NAME
# are optional.

FUZZ_config := lua54/runtime-src/config/config_reader.o

FUZZ_CXX ?= clang++-14
FUZZ_CC  ?= clang-14
# For each fuzzer of `make fuzz`; for all of them together in `make fuzz-short`.
FUZZ_SECONDS       ?= 60
FUZZ_SHORT_SECONDS ?= 60

FUZZERS := $(patsubst test/fuzz/%_fuzz.cc,%,$(wildcard test/fuzz/*_fuzz.cc))
FUZZ_MAKE = $(MAKE) VARIANT=fuzz CXX="$(FUZZ_CXX)" CC="$(FUZZ_CC)"

define fuzz_rule
$(B)/$(1)_fuzz: $(B)/core/test/fuzz/$(1)_fuzz.o $(FUZZ_$(1):%=$(B)/%) $(JIT_COPY)
	$$(call say,link,$$@) $$(CXX) $$(LDFLAGS) -fsanitize=fuzzer -o $$@ $$(filter %.o,$$^) $$(LIBS)
endef
$(foreach name,$(FUZZERS),$(eval $(call fuzz_rule,$(name))))

fuzzers: $(FUZZERS:%=$(B)/%_fuzz)

fuzz:               ## run each fuzzer for FUZZ_SECONDS (ONLY="NAME ..." for some of them)
	@$(FUZZ_MAKE) -s fuzzers
	@test/run_fuzz build/fuzz $$(($(FUZZ_SECONDS) * $(words $(or $(ONLY),$(FUZZERS))) / 2)) $(or $(ONLY),$(FUZZERS))

fuzz-short:         ## run all fuzzers, for a minute in total
	@$(FUZZ_MAKE) -s fuzzers
	@test/run_fuzz build/fuzz $(FUZZ_SHORT_SECONDS) $(FUZZERS)

.PHONY: fuzzers fuzz fuzz-short
