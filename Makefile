# Everything that is built, run, tested or measured. `make help` lists the targets.
#
# One source of every Lua-facing file is compiled once per engine: against Lua 5.4, and against
# LuaJIT with every lua_* name prefixed (see $(JIT_NAMES)), so that both live in one executable.

MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := build
.DELETE_ON_ERROR:

# ---- what varies -------------------------------------------------------------------------------
# VARIANT: release (the default), asan or tsan; each has its own folder and its own executable. The
# variant fuzz is for the fuzzers alone.
VARIANT ?= release
CXX     ?= g++
CC      ?= gcc
# Functions begin with a cache line, so that edits move the rates less: `call` by 9 % before.
# -fno-tree-slp-vectorize: neighbouring fields that are read at once, as a vector, have to wait until a store of one of them a
# moment ago has left the store buffer; most of a message's fields are such.
# Bounds that the C library can check cost `call` less than 1 %. -fcf-protection does not (2 % on LuaJIT), and would not take
# effect: the linker marks no executable with it that has a library without it, as Debian's interpreters are.
OPT_release := -O2 -fno-tree-slp-vectorize -falign-functions=64 -D_FORTIFY_SOURCE=2
# GCC takes members of the standard library for uninitialised when it sanitizes; the other variants have the warning.
OPT_asan    := -O1 -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -Wno-maybe-uninitialized
# TSan sees no fences: ours order flags and counters (scheduler.cc), never data.
OPT_tsan    := -O1 -fsanitize=thread -Wno-tsan -fno-omit-frame-pointer
OPT_fuzz    := -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
OPT := $(OPT_$(VARIANT))
# Link-time optimisation of the executable, for the path of a message alone: elsewhere it would only take time. Tests
# link the same objects without it, hence the fat ones.
LTO := $(if $(filter release,$(VARIANT)),-flto=auto -ffat-lto-objects)
ifeq ($(OPT),)
$(error VARIANT=$(VARIANT) is not one of release, asan, tsan, fuzz)
endif
B       := build/$(VARIANT)
RUNTIME := $(if $(filter release,$(VARIANT)),runtime,runtime-$(VARIANT))
LUACLIB := $(if $(filter release,$(VARIANT)),luaclib,$(B)/luaclib)
CSERVICE := $(if $(filter release,$(VARIANT)),cservice,$(B)/cservice)

# $(call say,WHAT,FILE): the line that stands for a command.
say = @printf '  %-6s %s\n' $(1) $(2);
comma := ,

# ---- libraries ---------------------------------------------------------------------------------
PKG := pkg-config
LUA54_CFLAGS := $(shell $(PKG) --cflags lua5.4)
JIT_CFLAGS   := $(shell $(PKG) --cflags luajit)
LUA54_A := $(shell $(PKG) --variable=libdir lua5.4)/liblua5.4.a
JIT_A   := $(shell $(PKG) --variable=libdir luajit)/libluajit-5.1.a
# The sanitizers bring an allocator of their own.
MALLOC_LIBS := $(if $(filter release,$(VARIANT)),$(shell $(PKG) --variable=libdir jemalloc)/libjemalloc_pic.a)
MALLOC_DEFS := $(if $(filter release,$(VARIANT)),-DRUNTIME_JEMALLOC)

WARN     := -Wall -Wextra -Werror
CPPFLAGS += -Iruntime-src -Ilualib-src -I3rd -Iinclude $(MALLOC_DEFS)
# Everywhere but on the path of a message ($(LTO_PATHS)), where it costs 3 % of `call` on Lua 5.4 and 4 % on LuaJIT.
STACK_PROTECTOR := $(if $(filter release,$(VARIANT)),-fstack-protector-strong)
CXXFLAGS += -std=c++20 -g $(OPT) $(STACK_PROTECTOR) $(WARN) -fPIC -fvisibility=hidden -pthread -MMD -MP
CFLAGS   += -std=c11 -g $(OPT) $(STACK_PROTECTOR) $(WARN) -fPIC -pthread -MMD -MP
LINK_LTO := -fno-lto
# What is bound at the start can be made read-only: nobody redirects a call through the tables of the linker.
LDFLAGS  += -pthread $(OPT) $(LINK_LTO) -Wl,-z,relro,-z,now

# ---- the executable ----------------------------------------------------------------------------
# Modules with heavy dependencies are shared objects; the rest of lualib-src is built in.
include lualib-src/modules.mk

CORE_SRC   := $(filter-out $(SHARED_SRC),$(wildcard runtime-src/base/*.cc runtime-src/core/*.cc runtime-src/net/*.cc \
                runtime-src/services/*.cc runtime-src/api/*.cc \
                lualib-src/bson/*.cc lualib-src/cluster/*.cc lualib-src/http/*.cc lualib-src/mongo/*.cc lualib-src/netpack/*.cc \
                lualib-src/mysql/*.cc lualib-src/redis/*.cc \
                lualib-src/share/*.cc lualib-src/sproto/*.cc lualib-src/websocket/*.cc))
CONFIG_SRC := $(wildcard runtime-src/config/*.cc)
# Part of the copies of the Lua libraries.
API_SRC    := runtime-src/lua/shared_api.cc
TRACEBACK_SRC := runtime-src/lua/traceback_api.cc
JIT_ONLY_SRC := runtime-src/lua/jit_frames.cc runtime-src/lua/jit_areas.cc
ENGINE_SRC := $(filter-out $(API_SRC) $(TRACEBACK_SRC) $(JIT_ONLY_SRC),$(wildcard runtime-src/lua/*.cc)) $(filter-out $(SHARED_SRC),$(wildcard lualib-src/*.cc))
# What only the executable has: its command line.
CLI_SRC    := $(wildcard runtime-src/cli/*.cc)
MAIN_SRC   := runtime-src/main.cc $(CLI_SRC)

CORE_OBJ   := $(CORE_SRC:%.cc=$(B)/core/%.o)
CONFIG_OBJ := $(CONFIG_SRC:%.cc=$(B)/lua54/%.o)
LUA54_OBJ  := $(ENGINE_SRC:%.cc=$(B)/lua54/%.o)
JIT_OBJ    := $(ENGINE_SRC:%.cc=$(B)/luajit/%.o)
CLI_OBJ    := $(CLI_SRC:%.cc=$(B)/core/%.o)
MAIN_OBJ   := $(MAIN_SRC:%.cc=$(B)/core/%.o)
# Everything but main(), for tests and benchmarks to link.
LIB_OBJ    := $(CORE_OBJ) $(CONFIG_OBJ) $(LUA54_OBJ) $(JIT_OBJ)

LTO_PATHS := $(addprefix core/runtime-src/,base/ core/ api/) $(addsuffix /runtime-src/lua/,lua54 luajit)
$(filter $(LTO_PATHS:%=$(B)/%%),$(LIB_OBJ)): CXXFLAGS += $(LTO) -fno-stack-protector

JIT_NAMES := $(B)/luajit_names.h
# The two libraries as they are linked: $(ENGINE_COPIES).
JIT_COPY   := $(B)/libluajit.a
LUA54_COPY := $(B)/liblua54.a
ENGINE_COPIES := $(LUA54_COPY) $(JIT_COPY)
EXPORTS   := $(B)/exports.list
# Both interpreters whole: C modules may use what the executable itself does not.
ENGINE_LIBS := -Wl,--whole-archive $(ENGINE_COPIES) -Wl,--no-whole-archive
LIBS := $(ENGINE_LIBS) $(MALLOC_LIBS) $(shell $(PKG) --libs $(CORE_PKGS)) -ldl -lm

all: $(RUNTIME) modules links $(if $(NO_COMPDB),,compile_commands.json)

# Without link-time optimisation, for bench/stages: that makes one function of a stage and the next.
PLAIN_RUNTIME := $(B)/runtime_plain
$(RUNTIME): LINK_LTO := $(LTO)
$(RUNTIME) $(PLAIN_RUNTIME): $(MAIN_OBJ) $(LIB_OBJ) $(ENGINE_COPIES) $(EXPORTS)
	$(call say,link,$@) $(CXX) $(LDFLAGS) -o $@ $(MAIN_OBJ) $(LIB_OBJ) $(LIBS) -Wl,--dynamic-list=$(EXPORTS)

# Where an executable of this variant finds its own modules, from the root of the tree.
$(CLI_OBJ): CPPFLAGS += -DRUNTIME_LUACLIB='"$(LUACLIB)"' -DRUNTIME_CSERVICE='"$(CSERVICE)"'

# Headers that are written anew only when something in them has changed: by the recipe of each, into $@.new.
replace_if_new = @if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi
VERSION_H := $(B)/generated/cli_version.h
$(B)/core/runtime-src/cli/version.o: $(VERSION_H)
$(B)/core/runtime-src/cli/version.o: CPPFLAGS += -I$(B)/generated
$(VERSION_H): FORCE
	@mkdir -p $(@D)
	@{ printf '#define RUNTIME_VERSION "%s"\n' "$$(cat VERSION)"; \
	  printf '#define RUNTIME_COMMIT "%s"\n' "$$(git describe --always --dirty --exclude '*' 2> /dev/null || echo unknown)"; \
	  printf '#define RUNTIME_VARIANT "%s"\n' $(VARIANT); } > $@.new
	$(replace_if_new)

# The names of what lies in lualib/ and service/: for the search order of modules and services.
TREE_NAMES_H   := $(B)/generated/tree_names.h
TREE_NAMES_OBJ := $(B)/lua54/runtime-src/lua/search_order.o $(B)/luajit/runtime-src/lua/search_order.o
names_in = $(filter-out README,$(sort $(basename $(notdir $(wildcard $(1)/*)))))
$(TREE_NAMES_OBJ): $(TREE_NAMES_H)
$(TREE_NAMES_OBJ): CPPFLAGS += -I$(B)/generated
$(TREE_NAMES_H): FORCE
	@mkdir -p $(@D)
	@{ echo 'constexpr std::string_view kTreeModules[] = {$(patsubst %,"%"$(comma),$(call names_in,lualib))};'; \
	  echo 'constexpr std::string_view kTreeServices[] = {$(patsubst %,"%"$(comma),$(call names_in,service))};'; } > $@.new
	$(replace_if_new)
FORCE:

# The C interface is what plugins bind to.
$(B)/core/runtime-src/api/%.o: CXXFLAGS += -fvisibility=default
$(B)/core/runtime-src/services/%.o: CPPFLAGS += -DSKYNET_FORMAT_CHECK

$(B)/core/%.o: %.cc
	@mkdir -p $(@D)
	$(call say,c++,$<) $(CXX) $(CPPFLAGS) $(CXXFLAGS) -c -o $@ $<

$(B)/lua54/%.o: %.cc
	@mkdir -p $(@D)
	$(call say,c++,"$< (lua54)") $(CXX) -DRUNTIME_LUA54 $(LUA54_CFLAGS) $(CPPFLAGS) $(CXXFLAGS) -c -o $@ $<

$(B)/luajit/%.o: %.cc $(JIT_NAMES)
	@mkdir -p $(@D)
	$(call say,c++,"$< (luajit)") $(CXX) -DRUNTIME_LUAJIT -include $(JIT_NAMES) $(JIT_CFLAGS) $(CPPFLAGS) $(CXXFLAGS) -c -o $@ $<

# LuaJIT under other names: jit_lua_gettop for lua_gettop and so on, in the library and in what uses it; and the types that
# it has in common with Lua 5.4.
$(JIT_NAMES): $(JIT_A) Makefile
	@mkdir -p $(@D)
	$(call say,gen,$@) nm --defined-only $(JIT_A) 2>/dev/null | awk '$$2 ~ /[A-Z]/ && $$3 ~ /^lua/ {print "#define " $$3 " jit_" $$3}' | sort -u > $@
	@printf '#define %s jit_%s\n' lua_Debug lua_Debug luaL_Buffer luaL_Buffer >> $@

# The functions that runtime-src/lua/shared_api.cc puts itself before; the library's own become stock_lua_next, ... (and
# traceback_api.cc's).
STOCK_54  := lua_next lua_rawget lua_rawgeti lua_rawset lua_rawlen lua_getmetatable lua_setmetatable
STOCK_JIT := $(filter-out lua_rawlen,$(STOCK_54))

# TSan does not know __longjmp_chk: it would miss all returns that a yield stands for, and note call stacks without end.
LUA54_JUMPS := $(if $(filter tsan,$(VARIANT)),--redefine-sym __longjmp_chk=longjmp)

LUA54_PARTS := $(patsubst %.cc,$(B)/lua54/%.o,$(API_SRC) $(TRACEBACK_SRC))
$(LUA54_COPY): $(LUA54_A) $(LUA54_PARTS) Makefile
	$(call say,gen,$@) rm -rf $@ $@.parts && mkdir $@.parts && objcopy $(LUA54_JUMPS) $(LUA54_A) $@ && cd $@.parts && ar x $(LUA54_A) lapi.o lauxlib.o && \
	  objcopy $(foreach f,$(STOCK_54),--redefine-sym $(f)=stock_$(f)) lapi.o && \
	  objcopy --redefine-sym luaL_traceback=stock_luaL_traceback lauxlib.o && \
	  ar rc ../$(@F) lapi.o lauxlib.o $(LUA54_PARTS:%=$(CURDIR)/%)

# Its machine code has its place from runtime-src/lua/jit_areas.cc, and its frames are found by jit_frames.cc; lj_gc_step_jit is
# for jit_trace.cc, lj_vm_resume for raw_stack.h.
JIT_PARTS := $(B)/luajit/$(API_SRC:.cc=.o) $(JIT_ONLY_SRC:%.cc=$(B)/luajit/%.o)
$(JIT_COPY): $(JIT_A) $(JIT_NAMES) $(JIT_PARTS) Makefile
	$(call say,gen,$@) awk '{print $$2, $$3}' $(JIT_NAMES) > $(B)/luajit_names.map && rm -f $@ $@.all && \
	  objcopy --redefine-syms=$(B)/luajit_names.map $(JIT_A) $@.all && \
	  objcopy $(foreach f,$(STOCK_JIT),--redefine-sym jit_$(f)=jit_stock_$(f)) \
	    --redefine-sym mmap64=runtime_jit_map --redefine-sym munmap=runtime_jit_unmap \
	    --redefine-sym __register_frame=runtime_register_frame \
	    --redefine-sym lj_gc_step_jit=runtime_jit_collect --globalize-symbol runtime_jit_collect \
	    --redefine-sym lj_vm_resume=runtime_jit_resume --globalize-symbol runtime_jit_resume \
	    --redefine-sym __deregister_frame=runtime_deregister_frame $@.all $@ && \
	  ar rc $@ $(JIT_PARTS)

# What plugins and Lua C modules may bind to.
$(EXPORTS): Makefile
	@mkdir -p $(@D)
	@echo '{ skynet_*; socket_info_*; luaseri_*; lua_*; luaL_*; luaopen_*; jit_lua*; runtime_*; malloc_used_memory; malloc_memory_block; malloc_current_memory; memory_info_dump; mallctl_*; dump_c_mem; dump_mem_lua; _Unwind_Find_FDE; };' > $@

# ---- shared modules: luaclib/NAME.so for Lua 5.4, luaclib/jit/NAME.so for LuaJIT ---------------
# $(call shared_rules,NAME): NAME's sources and packages are in lualib-src/modules.mk. Lua unloads a library with
# the state that loaded it; nodelete keeps those that have threads or what OpenSSL registered for the process.
SHARED_FLAGS := -shared -Wl,-z,nodelete -Wl,--exclude-libs,ALL
# $(call archive_rules,NAME,ARCHIVE): the archive for each engine, under names that do not clash.
define archive_rules
$(B)/lua54/$(1).a: $(dir $(LUA54_A))liblua5.4-$(2).a
	@mkdir -p $$(@D)
	$$(call say,gen,$$@) objcopy --redefine-sym luaopen_$(1)=archived_open_$(1) $$< $$@
$(B)/luajit/$(1).a: $(dir $(LUA54_A))liblua5.1-$(2).a $(JIT_COPY)
	@mkdir -p $$(@D)
	$$(call say,gen,$$@) objcopy --redefine-syms=$(B)/luajit_names.map --redefine-sym luaopen_$(1)=archived_open_$(1) $$< $$@
endef
define lua54_rule
$(LUACLIB)/$(1).so: $(patsubst %.cc,$(B)/lua54/%.o,$(SRC_$(1))) $(CORE_$(1):%.cc=$(B)/core/%.o) $(if $(ARCHIVE_$(1)),$(B)/lua54/$(1).a)
	@mkdir -p $$(@D)
	$$(call say,link,$$@) $$(CXX) $$(LDFLAGS) $(SHARED_FLAGS) -o $$@ $$^ $(if $(PKGS_$(1)),$$(shell $$(PKG) --libs $(PKGS_$(1))))
endef
define shared_rules
$(call lua54_rule,$(1))
$(LUACLIB)/jit/$(1).so: $(patsubst %.cc,$(B)/luajit/%.o,$(SRC_$(1))) $(CORE_$(1):%.cc=$(B)/core/%.o) $(if $(ARCHIVE_$(1)),$(B)/luajit/$(1).a)
	@mkdir -p $$(@D)
	$$(call say,link,$$@) $$(CXX) $$(LDFLAGS) $(SHARED_FLAGS) -o $$@ $$^ $(if $(PKGS_$(1)),$$(shell $$(PKG) --libs $(PKGS_$(1))))
$(if $(ARCHIVE_$(1)),$(call archive_rules,$(1),$(ARCHIVE_$(1))))
endef
$(foreach m,$(SHARED_MODULES),$(eval $(call shared_rules,$(m))))
$(foreach m,$(PLAIN_MODULES),$(eval $(call lua54_rule,$(m))))

modules: $(addprefix $(LUACLIB)/,$(SHARED_MODULES:%=%.so) $(PLAIN_MODULES:%=%.so)) $(SHARED_MODULES:%=$(LUACLIB)/jit/%.so) $(CSERVICE)/wsgate.so

# ---- C services that are shared objects: the others are part of the executable -------------------
WSGATE_SRC  := $(wildcard runtime-src/services/wsgate/*.cc) \
               $(addprefix runtime-src/,base/utf8.cc base/websocket_frame.cc net/poller.cc) \
               $(addprefix lualib-src/,http/head.cc http/status.cc websocket/decoder.cc)
WSGATE_PKGS := libwebsockets openssl zlib fmt
$(CSERVICE)/wsgate.so: $(WSGATE_SRC:%.cc=$(B)/core/%.o)
	@mkdir -p $(@D)
	$(call say,link,$@) $(CXX) $(LDFLAGS) $(SHARED_FLAGS) -o $@ $^ $(shell $(PKG) --libs $(WSGATE_PKGS))

# What scripts, and Makefiles of third-party modules, expect of a skynet folder.
LUA54_INCLUDE = $(shell $(PKG) --variable=includedir lua5.4)/lua5.4
links:
	@mkdir -p 3rd/lua cservice
	@ln -sfn include skynet-src
	@ln -sfn runtime skynet
	@for h in lua.h lauxlib.h lualib.h luaconf.h lua.hpp; do ln -sf $(LUA54_INCLUDE)/$$h 3rd/lua/$$h; done
	@for p in lua luac; do ln -sf $$(command -v $${p}5.4) 3rd/lua/$$p; done

compile_commands.json: Makefile
	@tools/compile-commands > $@

DEPS := $(shell find $(B) -name '*.d' 2>/dev/null)
-include $(DEPS)

include test/test.mk
include bench/bench.mk

# ---- for people --------------------------------------------------------------------------------
setup:      ## install what building and running need (Debian packages)
	@tools/setup

setup-test: setup  ## install what the tests need besides (Debian packages, npm packages)
	@tools/setup-test

# What is in $(shell ...) above is asked again once all is there.
build: setup  ## set up, and build; the same as make alone
	@$(MAKE) all

run: build  ## set up, build, and run the demo of etc/config.cfg
	./runtime etc/config.cfg

schema: links  ## make lualib/schema.lua from proto/db.proto
	3rd/lua/lua tools/gen_schema.lua proto/db.proto lualib/schema.lua

# The name that skynet has for it.
linux: build

asan:       ## build with AddressSanitizer and UBSan, and run the tests
	$(MAKE) VARIANT=asan test

tsan: setup-test  ## build with ThreadSanitizer, and run the unit tests, the storm scene and a test of signals
	$(MAKE) VARIANT=tsan test-tsan

variants: setup  ## build every variant
	$(MAKE) all && $(MAKE) VARIANT=asan all && $(MAKE) VARIANT=tsan all

format:     ## lay out the C and C++ sources, but for cases that stay as they came
	clang-format -i $(shell git ls-files '*.cc' '*.h' '*.c' ':!test/conformance/cases')

PREFIX ?= /usr/local
SHARE := $(DESTDIR)$(PREFIX)/lib/skynet-runtime
# Laid out like this tree, so that it also stands for a skynet folder: tools/link-into of it makes one.
install: all ## copy the tree to PREFIX/lib/skynet-runtime, and skynet-runtime to PREFIX/bin
	install -d $(SHARE)/3rd $(SHARE)/lualib-src $(SHARE)/test $(DESTDIR)$(PREFIX)/bin
	cp -a runtime skynet lualib service luaclib cservice include skynet-src etc data proto static tools VERSION $(SHARE)/
	cp -a 3rd/lua $(SHARE)/3rd/
	cp -a lualib-src/lua-seri.h $(SHARE)/lualib-src/
	cp -a test/*.lua $(SHARE)/test/
	ln -sf ../lib/skynet-runtime/runtime $(DESTDIR)$(PREFIX)/bin/skynet-runtime

clean:      ## remove what was built
	rm -rf build runtime runtime-asan runtime-tsan skynet luaclib cservice 3rd/lua skynet-src compile_commands.json

cleanall: clean  ## remove that, and what setup installed in here
	rm -rf test/clients/node_modules test/servers/node_modules

help:       ## this list
	@awk -F':.*##' '/^[a-z-]+:.*##/ {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: all build linux modules links setup setup-test run schema asan tsan variants format install clean cleanall help
