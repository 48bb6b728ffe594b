// BSON values that Lua has no type for: strings that begin with a zero byte and the code of their kind.
//
//   00 0a                     null; 00 ff minkey; 00 7f maxkey
//   00 07 | 12 bytes          objectid
//   00 09 | uint32            date, seconds; one that this cannot hold: 00 09 | int64 milliseconds
//   00 11 | uint32 | uint32   timestamp: increment, seconds
//   00 12 | int64             int64
//   00 0b | pattern 00 options 00
//   00 05 | subtype | bytes   binary
//   00 0c, 0d, 0e, 0f, 13 | the value as it stands in a document
#pragma once

#include "bson/reader.h"
#include "bson/writer.h"
#include "lua/engine.h"

namespace runtime::RUNTIME_ENGINE {

// Pushes the string for a value of a kind that Lua has no type for. May raise (memory).
void push_special(lua_State* L, const bson::Element& element);

// What is to be written for a special string.
struct Special {
  bson::Type type;
  std::string_view value;  // as it stands in a document, but for date and binary: after the code
};

inline bool is_special(std::string_view text) { return text.size() > 1 && text[0] == '\0'; }

// Raises for a string that is none, or that has the wrong length for its kind.
Special check_special(lua_State* L, std::string_view text);
void write_special(bson::Writer* writer, std::string_view key, const Special& special);

// Milliseconds of a date.
std::int64_t date_ms(const Special& date);

// objectid, date, timestamp, int64, regex, binary and type, and the constants: adds them to the table
// at the top of the stack.
void add_special_functions(lua_State* L);

}  // namespace runtime::RUNTIME_ENGINE
