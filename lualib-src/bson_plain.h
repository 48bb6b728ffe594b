// Tables that are read where the engine keeps them (lua/raw_table.h), as BSON; and how numbers are written.
#pragma once

#include <cmath>

#include "bson/writer.h"
#include "lua/raw_table.h"

namespace runtime::RUNTIME_ENGINE {

// Writes the table as the outermost document. False, with some of it written, when something in it needs the
// interface: a metatable, a value that is neither string, number, boolean nor table, or what cannot be encoded at all.
bool put_plain_document(bson::Writer& writer, const RawTable& table);

inline void put_integer(bson::Writer& writer, std::string_view key, std::int64_t value) {
  if (value == static_cast<std::int32_t>(value)) {
    writer.int32(key, static_cast<std::int32_t>(value));
  } else {
    writer.int64(key, value);
  }
}

inline void put_real(bson::Writer& writer, std::string_view key, double number) {
#ifdef RUNTIME_LUAJIT
  // Numbers are doubles: those that are whole, exact and not -0 are written as integers.
  if (number >= -0x1p53 && number <= 0x1p53) {
    const auto whole = static_cast<std::int64_t>(number);
    if (static_cast<double>(whole) == number && (whole != 0 || !std::signbit(number))) {
      return put_integer(writer, key, whole);
    }
  }
#endif
  writer.real(key, number);
}

}  // namespace runtime::RUNTIME_ENGINE
