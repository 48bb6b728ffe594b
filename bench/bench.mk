# Benchmarks.

# bench/*_bench.cc know no engine; those in bench/engine/, in namespace runtime::RUNTIME_ENGINE, are
# compiled once for each.
MICRO_BENCH    := $(B)/micro_bench
ENGINE_BENCHES := $(wildcard bench/engine/*_bench.cc)
BENCH_OBJ := $(patsubst %.cc,$(B)/core/%.o,$(wildcard bench/*_bench.cc)) \
             $(ENGINE_BENCHES:%.cc=$(B)/lua54/%.o) $(ENGINE_BENCHES:%.cc=$(B)/luajit/%.o)

$(MICRO_BENCH): $(BENCH_OBJ) $(LIB_OBJ) $(ENGINE_COPIES) $(EXPORTS)
	$(call say,link,$@) $(CXX) $(LDFLAGS) -o $@ $(BENCH_OBJ) $(LIB_OBJ) $(LIBS) \
	  $(shell $(PKG) --libs benchmark) -lbenchmark_main -Wl,--dynamic-list=$(EXPORTS)

bench-micro: $(MICRO_BENCH)  ## run the micro benchmarks (ONLY=REGEX for some of them)
	$(MICRO_BENCH) $(if $(ONLY),--benchmark_filter='$(ONLY)')

.PHONY: bench-micro

include bench/net/net.mk
