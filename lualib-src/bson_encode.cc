#include "bson_encode.h"

#include "base/short_bytes.h"
#include "base/utf8.h"
#include "bson_plain.h"
#include "bson_special.h"
#include "held.h"
#include "lua/shared_api.h"

// Last: it takes the place of lauxlib's checks.
#include "lua/arguments.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

using bson::Type;

constexpr std::size_t kKeepBytes = 256 * 1024;  // of a thread's writer

struct Shared {
  bson::Writer writer;
  std::uint64_t uses = 0;
  bool lua_expected = false;  // the last document ran Lua code
};
thread_local Shared shared;

struct OwnWriter : bson::Writer {
  static constexpr const char* kLuaType = "bson.writer";
};

// Its functions give false when they would have to run Lua code and must not.
struct Encoder {
  lua_State* L;
  bson::Writer* writer;
  bool runs_lua;  // it may
  bool ran_lua;   // it did
  EncodedKeys* keys;
  int base;     // the stack's top at the beginning
  int deepest;  // table for which there was room on the stack
};

// What a level has on the stack at most: an iterator, its state, two keys and a value. What happens to
// one value needs no more than LUA_MINSTACK.
constexpr int kSlotsPerLevel = 5;

bool put_table(Encoder& e, int index, std::string_view key, int depth);

// Whether the next step, which runs Lua code, may be taken.
bool enter_lua(Encoder& e) {
  e.ran_lua = true;
  return e.runs_lua;
}

// The key at `index`, which is a string.
std::string_view check_key(lua_State* L, int index) {
  std::size_t size;
  const char* text = lua_tolstring(L, index, &size);
  switch (bson::key_fault({text, size})) {
    case bson::KeyFault::none: break;
    case bson::KeyFault::zero: luaL_error(L, "Invalid key : a zero byte after '%s'", text); break;
    case bson::KeyFault::utf8: luaL_error(L, "Invalid utf8 string"); break;
  }
  return {text, size};
}

// The key of a pair, at `index`.
[[gnu::noinline]] std::string_view check_new_key(Encoder& e, int index, EncodedKeys::Key& known,
                                                 int slot) {
  lua_State* L = e.L;
  const int type = lua_type(L, index);
  if (type == LUA_TNUMBER) luaL_error(L, "Bson dictionary's key can't be number");
  if (type != LUA_TSTRING) luaL_error(L, "Invalid key type : %s", lua_typename(L, type));
  const std::string_view text = check_key(L, index);
  lua_copy(L, index, key_upvalue(slot));
  known = {lua_topointer(L, index), text};
  return text;
}

inline std::string_view check_dictionary_key(Encoder& e, int index) {
  const void* const string = lua_topointer(e.L, index);
  // Strings begin at multiples of 8, and seldom two in 32 bytes.
  const std::uintptr_t address = reinterpret_cast<std::uintptr_t>(string) >> 3;
  const int slot = static_cast<int>((address ^ address >> 7) % kKeySlots);
  EncodedKeys::Key& known = e.keys->keys[slot];
  if (known.string == string && string != nullptr) [[likely]]
    return known.text;
  return check_new_key(e, index, known, slot);
}

void put_number(Encoder& e, int index, std::string_view key) {
#ifdef RUNTIME_LUA54
  if (lua_isinteger(e.L, index)) return put_integer(*e.writer, key, lua_tointeger(e.L, index));
#endif
  put_real(*e.writer, key, lua_tonumber(e.L, index));
}

void put_string(Encoder& e, int index, std::string_view key) {
  std::size_t size;
  const char* bytes = lua_tolstring(e.L, index, &size);
  const std::string_view text{bytes, size};
  if (is_special(text)) return write_special(e.writer, key, check_special(e.L, text));
  if (!is_ascii<Zero::allowed>(text) && !is_utf8(text)) luaL_error(e.L, "Invalid utf8 string");
  e.writer->string(key, text);
}

void put_document(Encoder& e, std::string_view key, std::string_view document) {
  const bson::Error error = bson::check(document, kMaxEncodeDepth);
  if (error.fault != bson::Fault::none) {
    char text[bson::kErrorText];
    bson::describe(error, text);
    luaL_error(e.L, "%s", text);
  }
  e.writer->raw(Type::document, key, document);
}

// A userdata, or a cdata on LuaJIT.
bool put_userdata(Encoder& e, int index, std::string_view key, int type) {
  lua_State* L = e.L;
  if (type == LUA_TUSERDATA) {
    if (Document* document = to_document(L, index)) {
      e.writer->raw(Type::document, key, document->view());
      return true;
    }
  } else if (type != LUA_TFUNCTION && type != LUA_TTHREAD) {
    if (!enter_lua(e)) return false;
    std::int64_t value;
    if (to_int64(L, index, &value)) {
      put_integer(*e.writer, key, value);
      return true;
    }
  }
  luaL_error(L, "Invalid value type : %s", lua_typename(L, type));
  return true;
}

// A value of none of the usual types.
[[gnu::noinline]] bool put_rare(Encoder& e, int index, std::string_view key, int type) {
  lua_State* L = e.L;
  switch (type) {
    case LUA_TLIGHTUSERDATA: {
      const void* address = lua_touserdata(L, index);
      if (address == nullptr) luaL_error(L, "Invalid value type : a null pointer");
      put_document(e, key, bson::document_at(address));
      return true;
    }
    case LUA_TNIL: luaL_error(L, "Bson array has a hole (nil), Use bson.null instead"); return true;
    default: return put_userdata(e, index, key, type);
  }
}

[[gnu::always_inline]] inline bool put_value(Encoder& e, int index, std::string_view key,
                                             int depth) {
  lua_State* L = e.L;
  const int type = lua_type(L, index);
  switch (type) {
    case LUA_TSTRING: put_string(e, index, key); return true;
    case LUA_TNUMBER: put_number(e, index, key); return true;
    case LUA_TBOOLEAN: e.writer->boolean(key, lua_toboolean(L, index)); return true;
    case LUA_TTABLE: return put_table(e, index, key, depth);
    default: return put_rare(e, index, key, type);
  }
}

// What gives the pairs of a table: the engine itself, or what sees through shared tables
// (lua/shared_api.h).
using Next = int (*)(lua_State*, int);

// The pairs of the table at `index`, from the one on that is at the top of the stack. Pops it.
template <Next next>
bool put_pairs_from(Encoder& e, int index, int depth) {
  lua_State* L = e.L;
  const int at = lua_gettop(L) - 1;
  do {
    if (!put_value(e, at + 1, check_dictionary_key(e, at), depth)) return false;
    lua_settop(L, at);
  } while (next(L, index));
  return true;
}

// All pairs.
bool put_pairs(Encoder& e, int index, int depth) {
  lua_pushnil(e.L);
  return !lua_next(e.L, index) || put_pairs_from<lua_next>(e, index, depth);
}

// The pairs that `__pairs`, at the top of the stack, gives for the table at `index`. Pops it.
bool put_custom_pairs(Encoder& e, int index, int depth) {
  if (!enter_lua(e)) return false;
  lua_State* L = e.L;
  const int iterator = lua_gettop(L);
  lua_pushvalue(L, index);
  lua_call(L, 1, 3);
  const int last = iterator + 2;
  for (;;) {
    lua_pushvalue(L, iterator);
    lua_pushvalue(L, iterator + 1);
    lua_pushvalue(L, last);
    lua_call(L, 2, 2);
    if (lua_isnil(L, -2)) break;
    if (!put_value(e, last + 2, check_dictionary_key(e, last + 1), depth)) return false;
    lua_settop(L, last + 1);
    lua_replace(L, last);
    if (e.writer->overflowed()) break;
  }
  lua_settop(L, iterator - 1);
  return true;
}

bool put_array(Encoder& e, int index, int depth, std::size_t length) {
  lua_State* L = e.L;
  bson::ArrayKey key;
  const int at = lua_gettop(L) + 1;
  for (std::size_t i = 1; i <= length; ++i) {
    lua_rawgeti(L, index, static_cast<int>(i));
    if (!put_value(e, at, key.next(), depth)) return false;
    lua_settop(L, at - 1);
  }
  return true;
}

// As many elements as `__len`, at the top of the stack, says. Pops it.
bool put_custom_array(Encoder& e, int index, int depth) {
  if (!enter_lua(e)) return false;
  lua_State* L = e.L;
  lua_pushvalue(L, index);
  lua_call(L, 1, 1);
  std::int64_t length;
  if (!to_int64(L, -1, &length)) luaL_error(L, "__len should return integer");
  lua_pop(L, 1);
  bson::ArrayKey key;
  for (std::int64_t i = 1; i <= length && !e.writer->overflowed(); ++i) {
    push_int64(L, i);
    lua_gettable(L, index);
    if (!put_value(e, lua_gettop(L), key.next(), depth)) return false;
    lua_pop(L, 1);
  }
  return true;
}

// Pushes field `name` of the metatable at the top of the stack; false, and nothing, when it has none.
bool push_meta(lua_State* L, const char* name) {
  lua_pushstring(L, name);
  lua_rawget(L, -2);
  if (!lua_isnil(L, -1)) return true;
  lua_pop(L, 1);
  return false;
}

// Whether the first key of the table at `index`, at the stack index `key`, makes an array of it: an
// integer within its length.
bool begins_array(lua_State* L, int index, int key, std::size_t* length) {
  if (lua_type(L, key) != LUA_TNUMBER) return false;
  *length = lua_rawlen(L, index);
  std::int64_t first = 0;
  return to_int64(L, key, &first) && first > 0 && static_cast<std::uint64_t>(first) <= *length;
}

bool put_custom_table(Encoder& e, int index, std::string_view key, int depth, bool* done) {
  if (!enter_lua(e)) return false;  // even a field's name may make the collector run
  lua_State* L = e.L;
  *done = true;
  if (push_meta(L, "__len")) {
    lua_remove(L, -2);
    const std::size_t opened = e.writer->open(Type::array, key);
    if (!put_custom_array(e, index, depth)) return false;
    e.writer->close(opened);
  } else if (push_meta(L, "__pairs")) {
    lua_remove(L, -2);
    const std::size_t opened = e.writer->open(Type::document, key);
    if (!put_custom_pairs(e, index, depth)) return false;
    e.writer->close(opened);
  } else {
    lua_pop(L, 1);
    *done = false;
  }
  return true;
}

void enter_level(Encoder& e, int depth) {
  lua_State* L = e.L;
  if (depth > kMaxEncodeDepth) luaL_error(L, "Too depth while encoding bson");
  luaL_checkstack(L, e.base + kSlotsPerLevel * (depth + 1) + LUA_MINSTACK - lua_gettop(L), "bson");
  e.deepest = depth;
}

template <Next next>
bool put_raw_table(Encoder& e, int index, std::string_view key, int depth) {
  lua_State* L = e.L;
  bson::Writer& writer = *e.writer;
  lua_pushnil(L);
  if (!next(L, index)) {
    writer.close(writer.open(Type::document, key));
    return true;
  }
  const int first = lua_gettop(L) - 1;
  std::size_t length;
  std::size_t opened;
  if (begins_array(L, index, first, &length)) {
    lua_settop(L, first - 1);
    opened = writer.open(Type::array, key);
    if (!put_array(e, index, depth, length)) return false;
  } else {
    opened = writer.open(Type::document, key);
    if (!put_pairs_from<next>(e, index, depth)) return false;
  }
  writer.close(opened);
  return true;
}

bool put_table(Encoder& e, int index, std::string_view key, int depth) {
  lua_State* L = e.L;
  if (++depth > e.deepest) enter_level(e, depth);
  if (!stock_lua_getmetatable(L, index)) return put_raw_table<stock_lua_next>(e, index, key, depth);
  lua_pop(L, 1);
  if (lua_getmetatable(L, index)) {  // not that of a shared table
    bool done;
    if (!put_custom_table(e, index, key, depth, &done)) return false;
    if (done) return true;
  }
  return put_raw_table<lua_next>(e, index, key, depth);
}

// The table at 1, always as a document.
bool put_root(Encoder& e, int) {
  lua_State* L = e.L;
  const std::size_t opened = e.writer->open();
  bool custom = false;
  if (lua_getmetatable(L, 1)) {
    if (!enter_lua(e)) return false;
    custom = push_meta(L, "__pairs");
    lua_remove(L, custom ? -2 : -1);
  }
  if (!(custom ? put_custom_pairs(e, 1, 0) : put_pairs(e, 1, 0))) return false;
  e.writer->close(opened);
  return true;
}

// The `count` keys and values from 1 on.
bool put_ordered(Encoder& e, int count) {
  const std::size_t opened = e.writer->open();
  for (int i = 1; i < count; i += 2) {
    if (!put_value(e, i + 1, check_key(e.L, i), 0)) return false;
  }
  e.writer->close(opened);
  return true;
}

// Pushes an empty document with room for what `writer` holds.
Document* push_document(lua_State* L, const bson::Writer& writer) {
  if (writer.overflowed()) luaL_error(L, "the bson document is larger than 2 GB");
  const std::size_t size = writer.bytes().size();
  auto* document = static_cast<Document*>(lua_newuserdatauv(L, sizeof(Document) + size, 0));
  document->replaceable = false;
  document->size = 0;
  lua_pushvalue(L, lua_upvalueindex(1));
  stock_lua_setmetatable(L, -2);
  return document;
}

void fill(Document* document, const bson::Writer& writer) {
  const std::string_view bytes = writer.bytes();
  std::memcpy(document->bytes(), bytes.data(), bytes.size());
  document->size = static_cast<std::int32_t>(bytes.size());
}

// Pushes the document that the thread's writer holds; false, and nothing, when a finalizer ran meanwhile, and encoded
// something itself.
bool push_shared(lua_State* L, std::uint64_t use) {
  Document* document = push_document(L, shared.writer);
  if (shared.uses == use) {
    fill(document, shared.writer);
    return true;
  }
  lua_pop(L, 1);
  return false;
}

// Pushes the document for the table at 1, when it can be read in place.
bool push_plain(lua_State* L) {
  if (!raw_values_known()) return false;
  shared.writer.clear(kKeepBytes);
  const std::uint64_t use = ++shared.uses;
  return put_plain_document(shared.writer, raw_table(L, 1)) && push_shared(L, use);
}

// Pushes the document that `put` writes from the values on the stack.
void encode(lua_State* L, bool (*put)(Encoder&, int count)) {
  const int count = lua_gettop(L);
  auto* const keys = known_keys<EncodedKeys>(L);
  if (!shared.lua_expected) {
    shared.writer.clear(kKeepBytes);
    const std::uint64_t use = ++shared.uses;
    Encoder encoder{L, &shared.writer, false, false, keys, count, 0};
    if (put(encoder, count) && push_shared(L, use)) return;
    lua_settop(L, count);
  }
  OwnWriter& writer = push_held<OwnWriter>(L);
  Encoder encoder{L, &writer, true, false, keys, count + 1, 0};
  put(encoder, count);
  shared.lua_expected = encoder.ran_lua;
  fill(push_document(L, writer), writer);
}

}  // namespace

Document* to_document(lua_State* L, int index) {
  if (lua_type(L, index) != LUA_TUSERDATA || !lua_getmetatable(L, index)) return nullptr;
  const bool same = lua_rawequal(L, -1, lua_upvalueindex(1));
  lua_pop(L, 1);
  return same ? static_cast<Document*>(lua_touserdata(L, index)) : nullptr;
}

int l_encode(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  if (!push_plain(L)) encode(L, put_root);
  return 1;
}

int l_encode_order(lua_State* L) {
  const int count = lua_gettop(L);
  if (count % 2 != 0) return luaL_error(L, "Invalid ordered dict");
  luaL_checkstack(L, LUA_MINSTACK, "bson");
  for (int i = 1; i < count; i += 2) {
    if (to_text(L, i, nullptr) == nullptr) return luaL_error(L, "Argument %d need a string", i);
  }
  encode(L, put_ordered);
  return 1;
}

}  // namespace runtime::RUNTIME_ENGINE
