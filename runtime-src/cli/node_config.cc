#include "cli/node_config.h"

#include "cli/tree.h"

namespace runtime {

ConfigResult load_config(const std::string& path, const Settings& settings,
                         Environment& environment) {
  const std::string root = tree_root();
  ConfigResult config = read_config(path, {{"runtime_root", root}}, settings);
  if (!config.error.empty()) return config;
  // The last one of a key counts, and the first one that is set.
  for (auto it = settings.rbegin(); it != settings.rend(); ++it)
    environment.set(it->first, it->second);
  for (const auto& [key, value] : config.entries) environment.set(key, value);
  // Programs may rely on these.
  environment.set("thread", "8");
  environment.set("harbor", "1");
  environment.set("bootstrap", "snlua bootstrap");
  environment.set("logservice", "logger");
  environment.set("profile", "true");
  environment.set("engine", "lua54");
  set_default_paths(environment, root);
  return config;
}

}  // namespace runtime
