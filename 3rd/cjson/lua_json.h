// JSON text from and to Lua values: what the functions of lua_cjson.cc share.
#pragma once

#include <memory>
#include <vector>

#include "json_lexer.h"
#include "json_writer.h"
#include "lua/engine.h"

namespace runtime::RUNTIME_ENGINE {

// What the options of one module table say.
struct JsonOptions {
  enum InvalidNumbers { kRefuse, kAccept, kNull };

  bool sparse_convert = false;  // excessively sparse arrays become objects instead of errors
  int sparse_ratio = 2;         // excessive: the highest index is above ratio * entries ...
  int sparse_safe = 10;         // ... and above this; a ratio of 0 calls nothing excessive
  int encode_max_depth = 1000;
  int decode_max_depth = 1000;
  int number_precision = 14;  // significant digits of numbers that are not whole
  InvalidNumbers encode_invalid_numbers = kRefuse;
  bool decode_invalid_numbers = true;
  bool keep_buffer = true;
  bool empty_table_as_array = false;
  bool escape_slash = true;
  bool decode_arrays_with_mt = false;
};

// The memory of one conversion. It lies in a userdata, so that a raise leaks nothing, and is used
// again.
//
// `busy` is true during a conversion: a finalizer that the collector runs meanwhile may convert as
// well, and takes memory of its own. When Lua raises because it has none, it stays set; later
// conversions then do the same.
struct JsonState {
  static constexpr const char* kLuaType = "cjson.state";

  // One open array or object.
  struct Frame {
    int slot;  // of the table on the stack
    bool array;
    bool made;    // decoding: the table exists, it is not only values on the stack
    int pending;  // decoding: entries on the stack
    // Decoding: array entries in the table; encoding: the index that was written last.
    lua_Integer at;
    lua_Integer last;  // encoding: the last index of an array
  };

  bool busy = false;
  lua_State* L = nullptr;  // of the conversion
  json::Writer out;        // encoding: the text; decoding: a string without its escapes
  std::vector<Frame> frames;
};

// Registry keys, by their address: the metatables that mark arrays. And a value that is written as
// [].
extern const char json_array_mt;
extern const char json_empty_array_mt;
extern const char json_empty_array;

// Pushes the value of the text. Raises "Expected ... but found ...".
void decode_json(lua_State* L, std::string_view text, const JsonOptions& options, JsonState* state);

// Writes the value at `index`, the top of the stack, to state->out. Raises "Cannot serialise ...".
void encode_json(lua_State* L, int index, const JsonOptions& options, JsonState* state);

}  // namespace runtime::RUNTIME_ENGINE
