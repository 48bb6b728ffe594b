#include "services/builtin_services.h"

#include "services/gate.h"
#include "services/harbor.h"
#include "services/logger.h"
#include "services/snlua.h"

namespace runtime {

std::span<const Module> builtin_services() {
  static const Module modules[] = {
      {"snlua", snlua_create, snlua_init, snlua_release, snlua_signal},
      {"snjit", snlua_create, snjit_init, snlua_release, snlua_signal},
      {"gate", gate_create, gate_init, gate_release, gate_signal},
      {"harbor", harbor_create, harbor_init, harbor_release, harbor_signal},
      {"logger", logger_create, logger_init, logger_release, logger_signal},
  };
  return modules;
}

}  // namespace runtime
