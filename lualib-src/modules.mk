# Native Lua modules that are shared objects, because they need a library that most nodes do not.
# Everything else in this folder is part of the executable (builtin_modules.cc).
#
# For each NAME in SHARED_MODULES: SRC_NAME, its sources; PKGS_NAME, its pkg-config packages.
# NAME is the path under luaclib/, as `require` looks for it: skynet/crypt for "skynet.crypt".
SHARED_MODULES :=

# Linked into a shared object that uses push_int64() and its like: the executable does not export them, and
# some of these modules also run in a plain interpreter.
ENGINE_CC := runtime-src/lua/engine.cc

# 3rd/: formats that vendors define, and what the demo application needs.
SHARED_MODULES += agora skiplist snapshot tencentyun
SRC_agora       := $(wildcard 3rd/agora/*.cc) $(ENGINE_CC)
PKGS_agora      := libcrypto zlib
SRC_skiplist    := $(wildcard 3rd/skiplist/*.cc)
SRC_snapshot    := $(wildcard 3rd/snapshot/*.cc)
SRC_tencentyun  := $(wildcard 3rd/tencentyun/*.cc) $(ENGINE_CC)
PKGS_tencentyun := libcrypto zlib

SHARED_SRC := $(foreach m,$(SHARED_MODULES),$(SRC_$(m)))

# Packages that the executable itself links.
CORE_PKGS := fmt
