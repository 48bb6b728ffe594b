# Benchmarks: micro benches of single parts, the message benchmark (bench/scenes), the network benchmark (bench/net), and
# a report of them all.
#
# `make bench` leaves its figures in build/bench/*.json and draws bench/report.html from all that is there.
# QUICK=1 makes everything smaller. AGAINST=/path/to/another/tree compares instead: the same scenes on that tree,
# whose executable BIN (below it; default: skynet) runs in turn with ours.

# bench/*.cc know no engine; those in bench/engine/, in namespace runtime::RUNTIME_ENGINE, are
# compiled once for each.
MICRO_BENCH    := $(B)/micro_bench
ENGINE_BENCHES := $(wildcard bench/engine/*_bench.cc)
BENCH_OBJ := $(patsubst %.cc,$(B)/core/%.o,$(wildcard bench/*.cc)) \
             $(ENGINE_BENCHES:%.cc=$(B)/lua54/%.o) $(ENGINE_BENCHES:%.cc=$(B)/luajit/%.o)
FLOORS  := $(B)/floor_lua54 $(B)/floor_luajit
FIGURES := build/bench
# The network's part of `make bench`: a few minutes; `make bench-net` measures as long as it takes.
NET_SHORT := --json $(FIGURES)/net.json \
             $(if $(QUICK),--rounds 1 --seconds 0.5 raw. raw-k16. gate-k16. ws. wsgate. http.,--rounds 3 --seconds 1)
MEASURE := bench/measure --floor $(B) --bin $(RUNTIME) $(if $(QUICK),--quick)

bench: all $(MICRO_BENCH) $(FLOORS)  ## measure it all, and draw bench/report.html (QUICK=1; AGAINST=TREE BIN=NAME)
ifdef AGAINST
	@$(MEASURE) --out $(FIGURES)/against.json --root $(AGAINST) $(if $(BIN),--other-bin $(BIN)) against
else
	@mkdir -p $(FIGURES)
	$(MICRO_BENCH) $(if $(ONLY),--benchmark_filter='$(ONLY)') --benchmark_min_time=$(if $(QUICK),0.02,0.2) \
	  --benchmark_out=$(FIGURES)/micro.json --benchmark_out_format=json
	@$(MEASURE) --out $(FIGURES)/messages.json messages
	@$(MEASURE) --out $(FIGURES)/scale.json scale
	-@$(MAKE) -s bench-net NET="$(or $(NET),$(NET_SHORT))"
endif
	@bench/report --figures $(FIGURES) bench/report.html

bench-report:  ## draw bench/report.html from the figures of the last `make bench`
	@bench/report --figures $(FIGURES) bench/report.html

bench-table:  ## put the figures of the last `make bench` into docs/performance.md
	@bench/report --figures $(FIGURES) --table docs/performance.md

$(MICRO_BENCH): $(BENCH_OBJ) $(LIB_OBJ) $(ENGINE_COPIES) $(EXPORTS)
	$(call say,link,$@) $(CXX) $(LDFLAGS) -o $@ $(BENCH_OBJ) $(LIB_OBJ) $(LIBS) \
	  $(shell $(PKG) --libs benchmark) -lbenchmark_main -Wl,--dynamic-list=$(EXPORTS)

bench-micro: $(MICRO_BENCH)  ## run the micro benchmarks (ONLY=REGEX for some of them)
	$(MICRO_BENCH) $(if $(ONLY),--benchmark_filter='$(ONLY)')

bench-stages: all $(PLAIN_RUNTIME)  ## count the instructions of a request, stage by stage (needs valgrind)
	@bench/stages --bin $(PLAIN_RUNTIME)

# With the libraries as the distribution has them, not with our copies.
$(B)/floor_lua54: bench/floor.c
	$(call say,cc,$@) $(CC) $(CFLAGS) $(LUA54_CFLAGS) -o $@ $< $(LUA54_A) -lm -ldl
$(B)/floor_luajit: bench/floor.c
	$(call say,cc,$@) $(CC) $(CFLAGS) -DFLOOR_LUAJIT $(JIT_CFLAGS) -o $@ $< $$($(PKG) --libs luajit)

.PHONY: bench bench-report bench-table bench-micro bench-stages

include bench/net/net.mk
include bench/rank/rank.mk
