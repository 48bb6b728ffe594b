#include "cli/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>

#include "cli/known_keys.h"
#include "cli/node_config.h"
#include "cli/node_settings.h"
#include "cli/tree.h"
#include "lua/source_check.h"
#include "services/builtin_services.h"
#include "services/snlua.h"

namespace runtime {

namespace {

struct Named {
  SourceKind kind;
  std::string name;
  bool on_luajit;
  std::string by;  // a key of the config, or a place in a source
  bool required;   // a node cannot do without
};

// The first file that the patterns lead to; empty when there is none.
std::string file_in(std::string_view patterns, const std::string& name) {
  while (!patterns.empty()) {
    std::string file(patterns.substr(0, patterns.find(';')));
    patterns.remove_prefix(std::min(file.size() + 1, patterns.size()));
    const std::size_t mark = file.find('?');
    if (mark == file.npos) continue;
    file.replace(mark, 1, name);
    if (std::filesystem::exists(file)) return file;
  }
  return "";
}

class Check {
 public:
  explicit Check(const Environment& environment) : environment_(environment), tree_(tree_root()) {}

  void keys(const ConfigResult& config) {
    for (const auto& [key, value] : config.entries) {
      if (const std::string warning = key_warning(key); !warning.empty()) {
        warn(warning);
      } else if (!is_known_key(key)) {
        std::printf("note: the key %s is the application's own: no part of the runtime reads it\n",
                    key.c_str());
      }
    }
  }

  void values() {
    for (const std::string& error : read_settings(environment_).errors) fail(error);
  }

  void c_service(const char* key, const std::string& name) {
    const auto builtins = builtin_services();
    if (file_in(value("cpath"), name).empty() &&
        std::ranges::find(builtins, name, &Module::name) == builtins.end()) {
      fail(fmt::format("{}: no C service {} in {}", key, name, value("cpath")));
    }
  }

  void service(std::string key, const std::string& name) {
    waiting_.push_back({SourceKind::service, name, wants_luajit(environment_, name.c_str()),
                        std::move(key), true});
  }

  // A file that every Lua service runs.
  void file(const char* key) {
    const std::string name = value(key);
    if (!name.empty()) compiled(name, value("engine") == "luajit", key);
  }

  void all() {
    for (; !waiting_.empty(); waiting_.pop_front()) look_for(waiting_.front());
  }

  int report(const std::string& config) const {
    std::printf("%s: %zu sources looked at, %d errors, %d warnings\n", config.c_str(), seen_.size(),
                errors_, warnings_);
    return errors_ == 0 ? 0 : 1;
  }

 private:
  std::string value(const char* key) const {
    const char* const value = environment_.get(key);
    return value == nullptr ? "" : value;
  }
  void fail(const std::string& text) {
    ++errors_;
    std::printf("error: %s\n", text.c_str());
  }
  void warn(const std::string& text) {
    ++warnings_;
    std::printf("warning: %s\n", text.c_str());
  }

  void look_for(const Named& named) {
    const bool is_service = named.kind == SourceKind::service;
    const auto check = named.on_luajit ? luajit::check_source : lua54::check_source;
    const auto built_in = named.on_luajit ? luajit::needs_no_file : lua54::needs_no_file;
    if (!is_service && built_in(named.name)) return;
    const std::string patterns = value(is_service ? "luaservice" : "lua_path");
    const SourceCheck found = check(patterns, named.name, named.kind);
    if (!found.file.empty()) {
      const bool is_new = seen_.emplace(found.file, named.on_luajit).second;
      if (!found.error.empty() && is_new)
        fail(fmt::format("{} (named by {})", found.error, named.by));
      if (is_new && found.error.empty()) follow(found.file, named.on_luajit);
      return;
    }
    if (!is_service && has_c_module(named.name, named.on_luajit)) return;
    const std::string text =
        fmt::format("{}: no {} {} in {}", named.by, is_service ? "service" : "module", named.name,
                    is_service ? patterns : patterns + ", nor in " + value("lua_cpath"));
    if (named.required) {
      fail(text);
    } else if (missing_.insert(named.name).second) {
      warn(text);
    }
  }

  // As Lua does: a.b may lie in a/b.so, or in a.so; for LuaJIT in jit/.
  bool has_c_module(std::string name, bool on_luajit) const {
    const std::string first_part = name.substr(0, name.find('.'));
    std::ranges::replace(name, '.', '/');
    return std::ranges::any_of(std::array{name, first_part}, [&](const std::string& part) {
      return !file_in(value("lua_cpath"), (on_luajit ? "jit/" : "") + part).empty();
    });
  }

  void compiled(const std::string& name, bool on_luajit, const std::string& by) {
    const std::string error = on_luajit ? luajit::compile_error(name) : lua54::compile_error(name);
    if (seen_.emplace(name, on_luajit).second && !error.empty())
      fail(fmt::format("{} (named by {})", error, by));
  }

  // What a source names in so many words. The tree's own libraries are not followed: they load what
  // they need when they need it.
  void follow(const std::string& file, bool on_luajit) {
    if (!tree_.empty() &&
        std::filesystem::weakly_canonical(file).string().starts_with(tree_ + "lualib/"))
      return;
    static const std::regex kNames(
        R"((\brequire|newservice|uniqueservice)\s*\(?\s*["']([\w./-]+)["'])");
    std::ifstream source(file);
    std::string line;
    for (int number = 1; std::getline(source, line); ++number) {
      line.resize(std::min(line.find("--"), line.size()));
      for (std::sregex_iterator it(line.begin(), line.end(), kNames), end; it != end; ++it) {
        const std::string by = fmt::format("{}:{}", file, number);
        const std::string name = (*it)[2];
        if ((*it)[1] == "require") {
          waiting_.push_back({SourceKind::module, name, on_luajit, by, false});
        } else {
          waiting_.push_back(
              {SourceKind::service, name, wants_luajit(environment_, name.c_str()), by, false});
        }
      }
    }
  }

  const Environment& environment_;
  const std::string tree_;
  std::deque<Named> waiting_;
  std::set<std::pair<std::string, bool>> seen_;  // files, and whether for LuaJIT
  std::set<std::string> missing_;
  int errors_ = 0;
  int warnings_ = 0;
};

}  // namespace

int check_config(const std::string& path, const Settings& settings) {
  Environment environment;
  const ConfigResult config = load_config(path, settings, environment);
  if (!config.error.empty()) {
    std::printf("error: %s\n", config.error.c_str());
    return 1;
  }
  Check check(environment);
  check.keys(config);
  check.values();
  check.c_service("logservice", environment.get("logservice"));
  const std::string bootstrap = environment.get("bootstrap");
  const std::size_t blank = std::min(bootstrap.find(' '), bootstrap.size());
  check.c_service("bootstrap", bootstrap.substr(0, blank));
  check.file("lualoader");
  check.file("preload");
  if (bootstrap.starts_with("sn") && blank < bootstrap.size()) {
    const std::string service = bootstrap.substr(blank + 1);
    check.service("bootstrap", service.substr(0, service.find(' ')));
  }
  const std::string start = environment.get("start") ? environment.get("start") : "main";
  check.service("start", start.substr(0, start.find(' ')));
  check.all();
  return check.report(path);
}

}  // namespace runtime
