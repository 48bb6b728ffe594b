#include "cli/version.h"

#include <fmt/format.h>
#include <lws_config.h>
#include <openssl/opensslv.h>
#include <zlib.h>

#ifdef RUNTIME_JEMALLOC
#include <jemalloc/jemalloc.h>
#endif

#include "cli_version.h"  // made by the Makefile
#include "lua/source_check.h"

namespace runtime {

std::string version_text() {
  std::string libraries =
      fmt::format("fmt {}.{}.{}", FMT_VERSION / 10000, FMT_VERSION / 100 % 100, FMT_VERSION % 100);
#ifdef RUNTIME_JEMALLOC
  libraries += fmt::format(", jemalloc {}.{}.{}", JEMALLOC_VERSION_MAJOR, JEMALLOC_VERSION_MINOR,
                           JEMALLOC_VERSION_BUGFIX);
#endif
  return fmt::format(
      "skynet-runtime {} (commit {}, {})\nengines: {}, {}\nlibraries: {}\nlibraries of modules: "
      "{}, "
      "libwebsockets {}, zlib {}\n",
      RUNTIME_VERSION, RUNTIME_COMMIT, RUNTIME_VARIANT, lua54::engine_version(),
      luajit::engine_version(), libraries, OPENSSL_VERSION_TEXT, LWS_LIBRARY_VERSION, ZLIB_VERSION);
}

}  // namespace runtime
