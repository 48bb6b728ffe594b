#include "services/builtin_services.h"

#include "services/gate.h"
#include "services/harbor.h"
#include "services/logger.h"
#include "services/snlua.h"

namespace runtime {

std::span<const Module> builtin_services() {
  static const Module modules[] = {
      // The Lua libraries of this tree are made for these two.
      {"snlua", snlua_create, snlua_init, snlua_release, snlua_signal, /*is_fixed=*/true},
      {"snjit", snlua_create, snjit_init, snlua_release, snlua_signal, /*is_fixed=*/true},
      {"gate", gate_create, gate_init, gate_release, nullptr},
      {"harbor", harbor_create, harbor_init, harbor_release, nullptr},
      {"logger", logger_create, logger_init, logger_release, nullptr},
  };
  return modules;
}

}  // namespace runtime
