# The network benchmark: a load generator, and the servers in C that the node is compared with.
NET_TOOLS := $(addprefix $(B)/bench/net/,load plain lws_echo)

$(B)/bench/net/load: $(patsubst %.cc,$(B)/core/%.o,$(wildcard bench/net/*.cc))
	@mkdir -p $(@D)
	$(call say,link,$@) $(CXX) $(LDFLAGS) -o $@ $^

$(B)/bench/net/%: bench/net/%.c
	@mkdir -p $(@D)
	$(call say,link,$@) $(CC) $(CFLAGS) -o $@ $< $(if $(filter lws_%,$*),$(shell $(PKG) --libs libwebsockets))

# NET is for options of bench/net/run: scenes, rounds, another tree to compare with.
bench-net: all $(NET_TOOLS)  ## run the network benchmark (NET="--rounds 3 raw ws.")
	@bench/net/run --bin $(RUNTIME) --tools $(B)/bench/net --json $(B)/bench/net.json $(NET)

# SOAK is for options of bench/net/soak. Not a part of `make test`: with everything it takes half an hour.
soak-net: all $(NET_TOOLS)  ## many connections, slow peers, 10 minutes of mixed traffic (VARIANT=asan, SOAK="--minutes 1 mixed")
	@bench/net/soak --bin $(RUNTIME) --luaclib $(LUACLIB) --tools $(B)/bench/net --json $(B)/bench/soak.json \
	  $(if $(filter release,$(VARIANT)),,--slack 8) $(SOAK)

.PHONY: bench-net soak-net
