# Native Lua modules that are shared objects, because they need a library that most nodes do not.
# Everything else in this folder is part of the executable (builtin_modules.cc).
#
# What every module of ours links, for its arguments and their errors: the executable does not export it, and some of
# these modules also run in a plain interpreter.
ARGUMENTS_CC := runtime-src/lua/arguments.cc runtime-src/lua/engine.cc

# For each NAME in SHARED_MODULES: SRC_NAME, its sources; PKGS_NAME, its pkg-config packages.
# CORE_NAME: sources that know no engine, compiled once for both.
# NAME is the path under luaclib/, as `require` looks for it: skynet/crypt for "skynet.crypt".
# ARCHIVE_NAME: a module that comes as the distribution's static libraries, liblua5.4-ARCHIVE.a and, for LuaJIT,
# liblua5.1-ARCHIVE.a; its luaopen_NAME is called archived_open_NAME there.
SHARED_MODULES := client/crypt client/socket ltls md5 skynet/cluster/tls skynet/crypt skynet/docstore/core skynet/mongo/compression skynet/saslprep
# Ubuntu 22.04 has no LPeg for Lua 5.4: there is no module there.
SHARED_MODULES += $(if $(wildcard $(dir $(LUA54_A))liblua5.4-lpeg.a),lpeg)

SRC_skynet/crypt  := lualib-src/lua_crypt.cc $(wildcard lualib-src/crypt/*.cc) $(ARGUMENTS_CC)
PKGS_skynet/crypt := libcrypto
SRC_client/crypt  := $(SRC_skynet/crypt)
PKGS_client/crypt := $(PKGS_skynet/crypt)
SRC_client/socket := lualib-src/lua_client_socket.cc $(ARGUMENTS_CC)
SRC_lpeg          := lualib-src/lua_lpeg.cc
ARCHIVE_lpeg      := lpeg
SRC_md5           := lualib-src/lua_md5.cc lualib-src/crypt/digest.cc lualib-src/crypt/text_codec.cc $(ARGUMENTS_CC)
PKGS_md5          := libcrypto
SRC_skynet/mongo/compression  := lualib-src/lua_mongo_compression.cc lualib-src/mongo/compression.cc $(ARGUMENTS_CC)
PKGS_skynet/mongo/compression := libzstd snappy zlib
SRC_skynet/saslprep  := lualib-src/lua_saslprep.cc $(ARGUMENTS_CC)
PKGS_skynet/saslprep := libidn
SRC_skynet/docstore/core  := lualib-src/lua_docstore.cc $(ARGUMENTS_CC)
CORE_skynet/docstore/core := $(wildcard lualib-src/docstore/*.cc lualib-src/docstore/*/*.cc lualib-src/bson/*.cc) \
                               lualib-src/mongo/compression.cc runtime-src/base/utf8.cc
PKGS_skynet/docstore/core := sqlite3 libcrypto libidn libpcre2-8 libzstd snappy zlib
SRC_ltls          := lualib-src/lua_tls.cc $(wildcard lualib-src/tls/*.cc) $(ARGUMENTS_CC)
PKGS_ltls         := openssl
SRC_skynet/cluster/tls  := lualib-src/lua_cluster_tls.cc $(ARGUMENTS_CC)
CORE_skynet/cluster/tls := $(wildcard lualib-src/cluster/tls/*.cc lualib-src/tls/*.cc)
PKGS_skynet/cluster/tls := openssl

# 3rd/: formats that vendors define, and what the demo application needs.
SHARED_MODULES += agora cjson skiplist snapshot tencentyun
SRC_agora       := $(wildcard 3rd/agora/*.cc) $(ARGUMENTS_CC)
PKGS_agora      := libcrypto zlib
SRC_cjson       := $(wildcard 3rd/cjson/*.cc) $(ARGUMENTS_CC)
SRC_skiplist    := $(wildcard 3rd/skiplist/*.cc) $(ARGUMENTS_CC)
SRC_snapshot    := $(wildcard 3rd/snapshot/*.cc)
SRC_tencentyun  := $(wildcard 3rd/tencentyun/*.cc) $(ARGUMENTS_CC)
PKGS_tencentyun := libcrypto zlib

SHARED_SRC := $(foreach m,$(SHARED_MODULES),$(SRC_$(m)))

# Part of the executable, and shared objects as well: for clients that run in a plain interpreter of Lua 5.4. Our own nodes
# do not look at these files.
PLAIN_MODULES := bson sproto
PLAIN_CC      := lualib-src/plain/engine.cc runtime-src/lua/record_shapes.cc $(ARGUMENTS_CC)
SRC_bson      := lualib-src/plain/bson.cc $(wildcard lualib-src/bson_*.cc) lualib-src/lua_bson.cc $(PLAIN_CC)
CORE_bson     := $(wildcard lualib-src/bson/*.cc) runtime-src/base/utf8.cc
SRC_sproto    := lualib-src/plain/sproto.cc $(wildcard lualib-src/lua_sproto*.cc) $(PLAIN_CC)
CORE_sproto   := $(wildcard lualib-src/sproto/*.cc)

# Packages that the executable itself links.
CORE_PKGS := fmt libzstd
