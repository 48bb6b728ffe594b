// The bytes of a packed value, shared by its writer and its reader.
//
//    7        3 2    0
//   +----------+------+----------------------------------------+
//   |  cookie  | type |  what type and cookie say              |
//   +----------+------+----------------------------------------+
//
// Numbers are little endian. The format is skynet's: other nodes may run skynet.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
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

// How many bytes a value takes by its head byte; or one of:
#ifdef RUNTIME_LUAJIT
constexpr Byte kChecked = 0xfc;  // it does not take every pointer
#endif
constexpr Byte kLong = 0xfd;
constexpr Byte kNested = 0xfe;
constexpr Byte kInvalid = 0xff;
constexpr Byte kMaxFixed = 32;  // a head and a short string of 31 bytes

inline constexpr std::array<Byte, 256> kBytes = [] {
  std::array<Byte, 256> bytes{};
  for (unsigned i = 0; i < 256; ++i) {
    const unsigned cookie = i >> kTypeBits;
    Byte& b = bytes[i];
    b = kInvalid;
    switch (i & kTypeMask) {
      case kNil:
      case kBoolean: b = 1; break;
      case kNumber:
        if (cookie == kZero) b = 1;
        if (cookie == kU8) b = 1 + 1;
        if (cookie == kU16) b = 1 + 2;
        if (cookie == kI32) b = 1 + 4;
        if (cookie == kI64 || cookie == kDouble) b = 1 + 8;
        break;
#ifdef RUNTIME_LUAJIT
      case kPointer: b = kChecked; break;
#else
      case kPointer: b = 1 + 8; break;
#endif
      case kShortString: b = static_cast<Byte>(1 + cookie); break;
      case kLongString:
        if (cookie == 2 || cookie == 4) b = kLong;
        break;
      case kTable: b = kNested; break;
    }
  }
  return bytes;
}();

template <class Number>
inline Number get(const Byte* at) {
  Number number;
  std::memcpy(&number, at, sizeof number);
  return number;
}

inline std::int64_t get_integer(const Byte* at) {
  switch (*at >> kTypeBits) {
    case kU8: return at[1];
    case kU16: return get<std::uint16_t>(at + 1);
    case kI32: return get<std::int32_t>(at + 1);
    case kI64: return get<std::int64_t>(at + 1);
    default: return 0;
  }
}

}  // namespace runtime::RUNTIME_ENGINE
