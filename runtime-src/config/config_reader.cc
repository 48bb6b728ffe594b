#include "config/config_reader.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <lua.hpp>
#include <string_view>

#include "config/string_methods.h"

namespace runtime {

namespace {

// Far above what any config needs, and low enough that a broken one ends soon with an error.
constexpr std::size_t kMaxFileBytes = 16U << 20;
constexpr std::size_t kMaxLuaBytes = 128U << 20;                 // at any time
constexpr std::size_t kMaxLuaBytesInAll = std::size_t{4} << 30;  // allocated, freed or not
constexpr std::size_t kMaxDepth = 32;  // of includes; Lua's own limit is 200 nested calls of C
constexpr int kStepInstructions = 1000;
constexpr int kMaxSteps = 100'000;
constexpr int kStepsAnInclude = 10;

// The state of one read_config(). Its functions do the work that needs destructors, and know no
// lua_State: a Lua error is a longjmp here.
class Reader {
 public:
  Reader(const std::string& main_path, const ConfigEntries& known, const ConfigEntries& given)
      : known(known), given(given), main_path_(main_path) {}

  const ConfigEntries& known;
  const ConfigEntries& given;

  const char* main_path() const noexcept { return main_path_.c_str(); }

  // Loads `name` as seen from the file that runs now, and makes it the file that runs. False leaves
  // the reason in error().
  bool enter(const char* name) noexcept;
  void leave() noexcept { folders_.pop_back(); }

  // After enter(): what to compile, and as what.
  std::string_view text() const noexcept { return text_; }
  const char* chunk_name() const noexcept { return chunk_name_.c_str(); }

  const char* error() const noexcept { return error_.c_str(); }

  // False when the config has run for too long.
  bool spend(int steps) noexcept {
    if (steps_left_ < steps) return false;
    steps_left_ -= steps;
    return true;
  }

  void add(std::string_view key, std::string_view value) noexcept {
    entries_.emplace_back(key, value);
  }
  std::vector<std::pair<std::string, std::string>> take_entries() noexcept {
    std::sort(entries_.begin(), entries_.end());
    return std::move(entries_);
  }

  static void* allocate(void* self, void* block, std::size_t old_size, std::size_t new_size);

 private:
  bool fail(std::string error) noexcept {
    error_ = std::move(error);
    return false;
  }
  bool read_file(const std::string& path) noexcept;
  bool replace_variables(const std::string& path) noexcept;

  const std::string main_path_;
  std::vector<std::string> folders_;  // of the files that run, the innermost last
  std::string text_;
  std::string chunk_name_;
  std::string error_;
  int steps_left_ = kMaxSteps;
  std::size_t lua_bytes_ = 0;
  std::size_t lua_bytes_in_all_ = 0;
  std::vector<std::pair<std::string, std::string>> entries_;
};

bool Reader::enter(const char* name) noexcept {
  const std::string folder = folders_.empty() ? "" : folders_.back();
  const std::string path = name[0] == '/' ? name : folder + name;
  if (folders_.size() >= kMaxDepth) return fail(path + ": includes are nested too deep");
  if (!spend(kStepsAnInclude)) return fail(path + ": too many includes");
  if (!read_file(path) || !replace_variables(path)) return false;
  chunk_name_ = "@" + path;
  folders_.push_back(path.substr(0, path.rfind('/') + 1));  // npos + 1 is 0: no folder
  return true;
}

bool Reader::read_file(const std::string& path) noexcept {
  text_.clear();
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return fail(path + ": " + std::strerror(errno));
  char block[16 * 1024];
  ssize_t got;
  while ((got = read(file, block, sizeof block)) != 0) {
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      fail(path + ": " + std::strerror(errno));
      break;
    }
    text_.append(block, static_cast<std::size_t>(got));
    if (text_.size() > kMaxFileBytes) {
      fail(path + ": the file is too large");
      break;
    }
  }
  close(file);
  return got == 0;
}

// Puts the values of environment variables in the place of each `$NAME` in text_.
bool Reader::replace_variables(const std::string& path) noexcept {
  const auto in_name = [](char c) {
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  };
  std::string replaced;
  std::size_t done = 0;
  for (std::size_t dollar = text_.find('$'); dollar != std::string::npos;
       dollar = text_.find('$', done)) {
    std::size_t end = dollar + 1;
    while (end < text_.size() && in_name(text_[end])) ++end;
    replaced.append(text_, done, dollar - done);
    done = end;
    if (end == dollar + 1) {
      replaced += '$';
      continue;
    }
    const std::string name = text_.substr(dollar + 1, end - dollar - 1);
    const char* const value = std::getenv(name.c_str());
    if (value == nullptr) {
      const auto line =
          1 + std::count(text_.begin(), text_.begin() + static_cast<long>(dollar), '\n');
      return fail(path + ":" + std::to_string(line) + ": os.getenv() failed: " + name);
    }
    replaced += value;
    if (replaced.size() > kMaxFileBytes) return fail(path + ": the file is too large");
  }
  if (done > 0) text_ = replaced.append(text_, done);
  return true;
}

void* Reader::allocate(void* self, void* block, std::size_t old_size, std::size_t new_size) {
  Reader& reader = *static_cast<Reader*>(self);
  if (block == nullptr) old_size = 0;  // then it tells the kind of object
  if (new_size == 0) {
    std::free(block);
    block = nullptr;
  } else {
    if (new_size > old_size) {  // Lua relies on that shrinking cannot fail
      if (new_size - old_size > kMaxLuaBytes - reader.lua_bytes_) return nullptr;
      if (new_size > kMaxLuaBytesInAll - reader.lua_bytes_in_all_) return nullptr;
      reader.lua_bytes_in_all_ += new_size;
    }
    block = std::realloc(block, new_size);
    if (block == nullptr) return nullptr;
  }
  reader.lua_bytes_ += new_size - old_size;
  return block;
}

// ---- what Lua calls ----------------------------------------------------------------------------

Reader& reader_of(lua_State* L) { return **static_cast<Reader**>(lua_getextraspace(L)); }

void l_step(lua_State* L, lua_Debug*) {
  if (!reader_of(L).spend(1)) luaL_error(L, "the config runs for too long");
}

// include(name)
int l_include(lua_State* L) {
  std::size_t length = 0;
  const char* const name = luaL_checklstring(L, 1, &length);
  luaL_argcheck(L, std::strlen(name) == length, 1, "a file name has no zero byte");
  Reader& reader = reader_of(L);
  if (!reader.enter(name)) return luaL_error(L, "%s", reader.error());
  const std::string_view text = reader.text();
  // Binary chunks are refused: a broken one can crash the process.
  if (luaL_loadbufferx(L, text.data(), text.size(), reader.chunk_name(), "t") != LUA_OK) {
    // All errors of the compiler tell the place but "C stack overflow", for deep nesting.
    const char* const what = lua_tostring(L, -1);
    if (std::strchr(what, ':') == nullptr) luaL_error(L, "%s: %s", reader.chunk_name() + 1, what);
    return lua_error(L);
  }
  lua_call(L, 0, 0);
  reader.leave();
  return 0;
}

// Adds the globals, all of them settings, to the reader.
void collect(lua_State* L) {
  Reader& reader = reader_of(L);
  lua_pushglobaltable(L);
  lua_pushnil(L);
  while (lua_next(L, -2) != 0) {
    if (lua_type(L, -2) != LUA_TSTRING) luaL_error(L, "Invalid config table");
    if (lua_isboolean(L, -1)) {
      lua_pushstring(L, lua_toboolean(L, -1) ? "true" : "false");
      lua_replace(L, -2);
    }
    std::size_t key_length = 0;
    const char* const key = lua_tolstring(L, -2, &key_length);
    std::size_t value_length = 0;
    const char* const value = lua_tolstring(L, -1, &value_length);
    if (value == nullptr) luaL_error(L, "Invalid config table key = %s", key);
    // Settings are read as C strings: they would end there.
    if (std::strlen(key) != key_length || std::strlen(value) != value_length) {
      luaL_error(L, "Invalid config table key = %s: a zero byte in the key or the value", key);
    }
    reader.add({key, key_length}, {value, value_length});
    lua_pop(L, 1);
  }
}

bool spend(lua_State* L, int thousands) { return reader_of(L).spend(thousands); }

// Sets the entries as fields of the table at the top.
void set_fields(lua_State* L, const ConfigEntries& entries) {
  for (const auto& [key, value] : entries) {
    lua_pushlstring(L, key.data(), key.size());
    lua_pushlstring(L, value.data(), value.size());
    lua_rawset(L, -3);
  }
}

// Runs the main file. `include` and what is known stand behind the globals, so that they are none.
int l_read(lua_State* L) {
  open_string_methods(L, spend);
  lua_pushglobaltable(L);
  set_fields(L, reader_of(L).given);
  lua_createtable(L, 0, 1);
  lua_createtable(L, 0, 1);
  set_fields(L, reader_of(L).known);
  lua_pushcfunction(L, l_include);
  lua_setfield(L, -2, "include");
  lua_setfield(L, -2, "__index");
  lua_setmetatable(L, -2);

  lua_pushcfunction(L, l_include);
  lua_pushstring(L, reader_of(L).main_path());
  lua_call(L, 1, 0);
  collect(L);
  return 0;
}

}  // namespace

ConfigResult read_config(const std::string& path, const ConfigEntries& known,
                         const ConfigEntries& given) {
  ConfigResult result;
  Reader reader(path, known, given);
  lua_State* const L = lua_newstate(Reader::allocate, &reader);
  if (L == nullptr) {
    result.error = path + ": not enough memory";
    return result;
  }
  *static_cast<Reader**>(lua_getextraspace(L)) = &reader;
  lua_sethook(L, l_step, LUA_MASKCOUNT, kStepInstructions);
  lua_pushcfunction(L, l_read);
  switch (lua_pcall(L, 0, 0, 0)) {
    case LUA_OK: result.entries = reader.take_entries(); break;
    case LUA_ERRMEM: result.error = path + ": not enough memory"; break;
    default:
      result.error = lua_tostring(L, -1);  // without libraries nothing but text can be raised
  }
  lua_close(L);
  return result;
}

}  // namespace runtime
