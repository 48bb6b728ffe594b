// The bytes of a packed value, shared by its writer and its reader.
//
//    7        3 2    0
//   +----------+------+----------------------------------------+
//   |  cookie  | type |  what type and cookie say              |
//   +----------+------+----------------------------------------+
//
// Numbers are little endian. The format is skynet's: other nodes may run skynet.
#pragma once

#include <bit>
#include <cstring>

#include "lua/engine.h"

namespace runtime::RUNTIME_ENGINE {

static_assert(std::endian::native == std::endian::little, "numbers travel little endian");

using Byte = unsigned char;

// The head byte of a value: type in the low 3 bits, a cookie in the high 5.
enum Type : Byte {
  kNil = 0,
  kBoolean = 1,      // cookie: 0 false, else true
  kNumber = 2,       // cookie: NumberForm
  kPointer = 3,      // 8 bytes
  kShortString = 4,  // cookie: length
  kLongString = 5,   // cookie: bytes of the length that follows, 2 or 4
  kTable = 6,        // cookie: array length; array values, pairs, nil
};
enum NumberForm : Byte { kZero = 0, kU8 = 1, kU16 = 2, kI32 = 4, kI64 = 6, kDouble = 8 };

constexpr int kTypeBits = 3;
constexpr Byte kTypeMask = 7;
constexpr Byte kMaxCookie = 31;  // of a table: the array length follows as an integer value

constexpr Byte head(Type type, unsigned cookie) {
  return static_cast<Byte>(type | cookie << kTypeBits);
}

}  // namespace runtime::RUNTIME_ENGINE
