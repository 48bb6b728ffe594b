#include "services/snlua.h"

#include <fnmatch.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/node.h"
#include "lua/lua_host.h"

using namespace runtime;

namespace {

struct LuaInstance {
  std::unique_ptr<LuaHost> host;
};

// Whether `name` fits one of the ';'-separated patterns ('*' and '?' as in file names).
bool matches(const char* patterns, const std::string& name) {
  if (patterns == nullptr) return false;
  std::string_view rest = patterns;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(';'), rest.size());
    const std::string pattern(rest.substr(0, end));
    if (fnmatch(pattern.c_str(), name.c_str(), 0) == 0) return true;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return false;
}

// The first word of `text`, which is taken off it.
std::string take_word(std::string_view* text) {
  constexpr std::string_view kBlanks = " \t";
  text->remove_prefix(std::min(text->find_first_not_of(kBlanks), text->size()));
  const std::string word(text->substr(0, text->find_first_of(kBlanks)));
  text->remove_prefix(word.size());
  return word;
}

// What the patterns of the config say of a service; nothing when none fits.
std::optional<bool> listed_for_luajit(const Environment& environment, const std::string& name) {
  if (matches(environment.get("lua54"), name)) return false;
  if (matches(environment.get("luajit"), name)) return true;
  return std::nullopt;
}

}  // namespace

bool runtime::wants_luajit(const Environment& environment, const char* args) {
  std::string_view rest = args;
  const std::string script = take_word(&rest);
  if (script == "snaxd") {
    // A snax service is known by its own name.
    const std::string name = take_word(&rest);
    if (const auto listed = listed_for_luajit(environment, name)) return *listed;
  }
  if (const auto listed = listed_for_luajit(environment, script)) return *listed;
  const char* engine = environment.get("engine");
  return engine != nullptr && std::string_view(engine) == "luajit";
}

namespace {

int start(void* instance, skynet_context* context, const char* args, bool on_luajit) {
  Service& service = Service::from(context);
  auto* lua = static_cast<LuaInstance*>(instance);
  lua->host = on_luajit ? luajit::make_lua_host(service) : lua54::make_lua_host(service);
  lua->host->start(args);
  return 0;
}

}  // namespace

void* snlua_create(void) { return new LuaInstance; }

int snlua_init(void* instance, skynet_context* context, const char* args) {
  if (args == nullptr) args = "";
  return start(instance, context, args,
               wants_luajit(Service::from(context).node().environment, args));
}

int snjit_init(void* instance, skynet_context* context, const char* args) {
  return start(instance, context, args == nullptr ? "" : args, true);
}

void snlua_release(void* instance) { delete static_cast<LuaInstance*>(instance); }

void snlua_signal(void* instance, int signal) {
  auto* lua = static_cast<LuaInstance*>(instance);
  if (lua->host) lua->host->signal(signal);
}
