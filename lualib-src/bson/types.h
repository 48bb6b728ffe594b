// The kinds of BSON values (bsonspec.org), by their codes.
//
//   document   int32 size of it all | elements | 00
//   element    code | key, zero byte | value
//
// Numbers are little endian. An array is a document with the keys "0", "1", ...
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace runtime::bson {

static_assert(std::endian::native == std::endian::little,
              "numbers are copied as they lie in memory");

enum class Type : std::uint8_t {
  real = 0x01,             // double
  string = 0x02,           // int32 size with the zero byte | text | 00
  document = 0x03,         //
  array = 0x04,            //
  binary = 0x05,           // int32 size | subtype | bytes
  undefined = 0x06,        // deprecated; neither read nor written
  object_id = 0x07,        // 12 bytes
  boolean = 0x08,          // 1 byte
  date = 0x09,             // int64, milliseconds since 1970
  null = 0x0a,             // nothing
  regex = 0x0b,            // pattern 00 options 00
  db_pointer = 0x0c,       // string | 12 bytes
  code = 0x0d,             // string
  symbol = 0x0e,           // string
  code_with_scope = 0x0f,  // int32 size of it all | string | document
  int32 = 0x10,            //
  timestamp = 0x11,        // uint32 increment | uint32 seconds
  int64 = 0x12,            //
  decimal128 = 0x13,       // 16 bytes
  max_key = 0x7f,          // nothing
  min_key = 0xff,          // nothing
};

constexpr std::size_t kObjectIdBytes = 12;
constexpr std::size_t kSmallestDocument = 5;
constexpr std::size_t kLargestDocument = 0x7fffffff;

}  // namespace runtime::bson
