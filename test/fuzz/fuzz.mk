# Fuzzers: test/fuzz/NAME_fuzz.cc, built by clang with libFuzzer in a variant of its own. FUZZ_NAME
# lists the objects under build/fuzz that NAME links, FUZZ_PKGS_NAME its packages; test/fuzz/NAME.dict
# and test/fuzz/corpus/NAME are optional. What is compiled per engine is in test/fuzz/engine.

both_engines = $(1:%=lua54/%.o) $(1:%=luajit/%.o)
# What Lua states of the runtime stand on.
LUA_HEAP := $(addprefix core/runtime-src/base/,lua_heap.o shared_tail.o memory_reserve.o c_stack.o)

FUZZ_bson      := $(patsubst %.cc,core/%.o,$(wildcard lualib-src/bson/*.cc)) $(LUA_HEAP) core/runtime-src/base/utf8.o \
  $(call both_engines,test/fuzz/engine/bson_round_trip lualib-src/lua_bson lualib-src/bson_encode lualib-src/bson_decode lualib-src/bson_special \
  lualib-src/bson_plain runtime-src/lua/raw_table runtime-src/lua/record_shapes runtime-src/lua/engine runtime-src/lua/arguments)
CLUSTER_PACKETS := $(addprefix core/lualib-src/cluster/,assembly.o compression.o frame.o packed_reader.o request_reader.o)
FUZZ_cluster   := $(CLUSTER_PACKETS)
FUZZ_PKGS_cluster := fmt libzstd
FUZZ_cluster_compression      := $(CLUSTER_PACKETS)
FUZZ_PKGS_cluster_compression := fmt libzstd
FUZZ_config    := $(addprefix lua54/runtime-src/config/,config_reader.o string_methods.o)
FUZZ_datasheet := $(addprefix core/lualib-src/share/,datasheet.o image.o image_builder.o)
DOCUMENTS := $(patsubst %.cc,core/%.o,$(wildcard lualib-src/docstore/document/*.cc lualib-src/bson/*.cc)) core/runtime-src/base/utf8.o
FUZZ_docstore_filter        := $(DOCUMENTS)
FUZZ_docstore_pipeline      := $(DOCUMENTS)
FUZZ_docstore_update        := $(DOCUMENTS)
FUZZ_PKGS_docstore_filter   := libpcre2-8
FUZZ_PKGS_docstore_pipeline := libpcre2-8
FUZZ_PKGS_docstore_update   := libpcre2-8
FUZZ_docstore_request := $(addprefix core/lualib-src/,docstore/commands/short.o docstore/wire/crc32c.o docstore/wire/request.o mongo/compression.o) $(DOCUMENTS)
FUZZ_PKGS_docstore_request := libpcre2-8 libzstd snappy zlib
FUZZ_harbor    := core/runtime-src/services/harbor_frame.o core/runtime-src/base/memory_reserve.o
FUZZ_http_head := core/lualib-src/http/head.o
FUZZ_json      := $(patsubst 3rd/%.cc,lua54/3rd/%.o,$(wildcard 3rd/cjson/*.cc)) $(addprefix lua54/runtime-src/lua/,engine.o arguments.o)
FUZZ_mongo     := core/lualib-src/mongo/frame_reader.o core/lualib-src/mongo/message.o
FUZZ_mongo_compression      := core/lualib-src/mongo/compression.o
FUZZ_PKGS_mongo_compression := libzstd snappy zlib
FUZZ_mysql     := $(addprefix core/lualib-src/mysql/,packet_reader.o packets.o reply_reader.o row.o)
FUZZ_netpack   := core/lualib-src/netpack/frame_queue.o
FUZZ_redis     := core/lualib-src/redis/reply_reader.o
FUZZ_seri      := $(LUA_HEAP) \
  $(call both_engines,test/fuzz/engine/seri_round_trip runtime-src/lua/seri_pack runtime-src/lua/seri_unpack runtime-src/lua/known_strings runtime-src/lua/pointer_segments runtime-src/lua/raw_table runtime-src/lua/record_shapes runtime-src/lua/engine)
FUZZ_sproto    := $(patsubst %.cc,core/%.o,$(wildcard lualib-src/sproto/*.cc)) \
  $(patsubst %.cc,lua54/%.o,$(wildcard lualib-src/lua_sproto*.cc) $(addprefix runtime-src/lua/,engine.cc arguments.cc raw_table.cc record_shapes.cc))
FUZZ_tls       := $(addprefix core/lualib-src/tls/,context.o session.o session_memory.o)
FUZZ_PKGS_tls  := openssl
FUZZ_websocket := core/lualib-src/websocket/decoder.o core/runtime-src/base/websocket_frame.o core/runtime-src/base/utf8.o
FUZZ_wsgate_deflate := core/runtime-src/services/wsgate/deflate.o
FUZZ_PKGS_wsgate_deflate := zlib
FUZZ_wsgate_handshake := $(addprefix core/runtime-src/services/wsgate/,handshake.o offer.o) core/lualib-src/http/head.o core/lualib-src/http/status.o
FUZZ_PKGS_wsgate_handshake := fmt openssl

FUZZ_CXX ?= clang++-14
FUZZ_CC  ?= clang-14
# For each fuzzer of `make fuzz`; for all of them together in `make fuzz-short`.
FUZZ_SECONDS       ?= 60
FUZZ_SHORT_SECONDS ?= 60

# They drive the module through a Lua state of their own.
build/fuzz/core/test/fuzz/json_fuzz.o build/fuzz/core/test/fuzz/sproto_fuzz.o: CPPFLAGS += $(LUA54_CFLAGS)

FUZZERS := $(patsubst test/fuzz/%_fuzz.cc,%,$(wildcard test/fuzz/*_fuzz.cc))
FUZZ_MAKE = $(MAKE) VARIANT=fuzz CXX="$(FUZZ_CXX)" CC="$(FUZZ_CC)"

define fuzz_rule
$(B)/$(1)_fuzz: $(B)/core/test/fuzz/$(1)_fuzz.o $(FUZZ_$(1):%=$(B)/%) $(ENGINE_COPIES)
	$$(call say,link,$$@) $$(CXX) $$(LDFLAGS) -fsanitize=fuzzer -o $$@ $$(filter %.o,$$^) $$(LIBS) $(if $(FUZZ_PKGS_$(1)),$$(shell $$(PKG) --libs $(FUZZ_PKGS_$(1))))
endef
$(foreach name,$(FUZZERS),$(eval $(call fuzz_rule,$(name))))

fuzzers: $(FUZZERS:%=$(B)/%_fuzz)

fuzz: setup-test    ## run each fuzzer for FUZZ_SECONDS (ONLY="NAME ..." for some of them)
	@$(FUZZ_MAKE) -s fuzzers
	@test/run_fuzz build/fuzz $$(($(FUZZ_SECONDS) * $(words $(or $(ONLY),$(FUZZERS))) / 2)) $(or $(ONLY),$(FUZZERS))

fuzz-short: setup-test  ## run all fuzzers, for a minute in total
	@$(FUZZ_MAKE) -s fuzzers
	@test/run_fuzz build/fuzz $(FUZZ_SHORT_SECONDS) $(FUZZERS)

.PHONY: fuzzers fuzz fuzz-short
