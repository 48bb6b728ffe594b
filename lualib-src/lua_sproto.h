// What the parts of sproto.core (lua_sproto*.cc) share: the userdata that stand for a schema and for one of its types.
#pragma once

#include "lua/shared_api.h"
#include "object.h"
#include "sproto/schema.h"
#include "sproto/wire.h"

namespace runtime::RUNTIME_ENGINE {

// Its own table, and that of each of its types, has the names of the fields, by Field::name_index + 1: pushing those is
// cheaper than making strings.
struct LuaSchema {
  static constexpr const char* kLuaType = "sproto.schema";
  static constexpr bool kOwnTable = true;
  sproto::SchemaRef schema;
};

struct LuaType {
  static constexpr const char* kLuaType = "sproto.type";
  static constexpr bool kOwnTable = true;
  sproto::SchemaRef schema;  // keeps `type`
  const sproto::Type* type = nullptr;
};

// How deep structs lie in one another, and the room on the stack that it takes. Asking for room costs as much as a field, so
// each level asks once, however often it is entered.
class Levels {
 public:
  // A level pushes no more than this, names of fields included.
  static constexpr int kSlots = 56;
  // Names of fields that stand on the stack while an array's elements are gone through, as its type has that few.
  static constexpr int kNames = 24;

  explicit Levels(lua_State* L) : L_(L), base_(lua_gettop(L)) {}

  void enter() {
    if (++depth_ <= deepest_) return;
    if (depth_ > sproto::kMaxDepth) luaL_error(L_, "The table is too deep");
    luaL_checkstack(L_, base_ + kSlots * depth_ - lua_gettop(L_), nullptr);
    deepest_ = depth_;
  }
  void leave() { --depth_; }

 private:
  lua_State* L_;
  int base_;
  int depth_ = 0;
  int deepest_ = 0;
};

// Pushes the names of the fields of `type`, in their order, when they are few enough, and returns the index of the first one;
// else pushes nothing and returns 0. `names` is the stack index of the names of the schema.
int push_names(lua_State* L, const sproto::Type& type, int names);

// Pushes the name of `field`, the `place`th of its type; `pushed` is what push_names() has returned.
inline void push_name(lua_State* L, const sproto::Field& field, std::size_t place, int names,
                      int pushed) {
  if (pushed != 0) {
    lua_pushvalue(L, pushed + static_cast<int>(place));
  } else {
    stock_lua_rawgeti(L, names, field.name_index + 1);
  }
}

// Pushes the encoded form of the value at `value`, a table or what can be indexed like one. `names` is the stack index of
// the names of its schema. Raises for what cannot be encoded, with the field's name.
void push_encoded(lua_State* L, const sproto::Type& type, int names, int value);

// The same for a table that can be read in place (lua/raw_table.h). False, and nothing pushed, when something in it needs
// the interface, or cannot be encoded.
bool push_plain_encoded(lua_State* L, const sproto::Type& type, int names, int value);

// Fills the table on the top of the stack, or pushes a new one when `table` says so, with the fields of `bytes`; returns how
// many bytes were read. Raises when the bytes are damaged.
enum class Table { on_top, fresh };
std::size_t decode(lua_State* L, const sproto::Type& type, int names, std::string_view bytes,
                   Table table);

// sproto_encode(type, table) and sproto_decode(type, bytes [, size] [, table]) of the module; upvalue 1 is the metatable
// of LuaType.
int l_sproto_encode(lua_State* L);
int l_sproto_decode(lua_State* L);

// The bytes at `index`: a string, or a pointer with the size behind it. *next is the index of what follows.
std::string_view check_bytes(lua_State* L, int index, int* next);

}  // namespace runtime::RUNTIME_ENGINE
