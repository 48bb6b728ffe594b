# Benchmarks.

MICRO_BENCH     := $(B)/micro_bench
MICRO_BENCH_OBJ := $(patsubst %.cc,$(B)/core/%.o,$(wildcard bench/*_bench.cc))

$(MICRO_BENCH): $(MICRO_BENCH_OBJ) $(LIB_OBJ) $(JIT_COPY) $(EXPORTS)
	$(call say,link,$@) $(CXX) $(LDFLAGS) -o $@ $(MICRO_BENCH_OBJ) $(LIB_OBJ) $(LIBS) \
	  $(shell $(PKG) --libs benchmark) -lbenchmark_main -Wl,--dynamic-list=$(EXPORTS)

bench-micro: $(MICRO_BENCH)  ## run the micro benchmarks (ONLY=REGEX for some of them)
	$(MICRO_BENCH) $(if $(ONLY),--benchmark_filter='$(ONLY)')

.PHONY: bench-micro
