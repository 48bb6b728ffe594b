// Lua values as BSON.
//
// Packing into the thread's writer is quick, but goes only as long as no Lua code runs, which may
// encode something itself or raise: a metamethod, a finalizer. A document that needs Lua code is begun
// once more in a writer of its own, which a userdata holds.
#pragma once

#include "bson/writer.h"
#include "bson_keys.h"

namespace runtime::RUNTIME_ENGINE {

constexpr int kMaxEncodeDepth = 128;  // tables below the outermost

// An encoded document: the userdata of bson.encode. The bytes stand behind it.
struct Document {
  static constexpr const char* kLuaType = "bson";
  bool replaceable;  // makeindex() was called
  std::int32_t size;
  char* bytes() { return reinterpret_cast<char*>(this + 1); }
  std::string_view view() { return {bytes(), static_cast<std::size_t>(size)}; }
};

// The document at `index`, or null when the value there is something else. In functions whose first
// upvalue is the metatable of documents.
Document* to_document(lua_State* L, int index);

// The keys that were encoded lately: they have been checked, and are told by the address of the string,
// which is an upvalue of the function (bson_keys.h), so that no other string can come to lie there.
struct EncodedKeys {
  struct Key {
    const void* string;
    std::string_view text;
  };
  Key keys[kKeySlots];
};

// bson.encode(table), bson.encode_order(key, value, ...): push a document. They are made by
// push_bson_function<EncodedKeys>().
int l_encode(lua_State* L);
int l_encode_order(lua_State* L);

}  // namespace runtime::RUNTIME_ENGINE
