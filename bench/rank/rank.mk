# The benchmark of the rankings: players who submit and ask at fixed rates.
RANK_LOAD := $(B)/bench/rank/rank_load

$(RANK_LOAD): $(B)/core/bench/rank/rank_load.o
	@mkdir -p $(@D)
	$(call say,link,$@) $(CXX) $(LDFLAGS) -o $@ $^

# RANK is for options of bench/rank/run.
bench-rank: all $(RANK_LOAD)  ## measure how long requests to a ranking of 100,000 players take (RANK="--engine luajit --runs 3 -d 20")
	@bench/rank/run --bin $(abspath $(RUNTIME)) --tools $(B)/bench/rank $(RANK)

.PHONY: bench-rank
