# Native Lua modules that are shared objects, because they need a library that most nodes do not.
# Everything else in this folder is part of the executable (builtin_modules.cc).
#
# For each NAME in SHARED_MODULES: SRC_NAME, its sources; PKGS_NAME, its pkg-config packages.
# NAME is the path under luaclib/, as `require` looks for it: skynet/crypt for "skynet.crypt".
SHARED_MODULES :=

SHARED_SRC := $(foreach m,$(SHARED_MODULES),$(SRC_$(m)))

# Packages that the executable itself links.
CORE_PKGS := fmt
