// Identifiers that no other process makes: 4 bytes seconds, 3 bytes of the host's name, 2 bytes of
// the process's number, 3 bytes that count up. Big endian, so that later ones are greater.
#pragma once

#include <string_view>

#include "bson/types.h"

namespace runtime::bson {

// Writes kObjectIdBytes. From any thread. Within one second a process makes 2^24 different ones.
void make_object_id(char* id) noexcept;

// Reads 24 hexadecimal digits; false when they are none.
bool parse_object_id(std::string_view hex, char* id) noexcept;

// Writes 24 digits in lower case.
void format_object_id(const char* id, char* hex) noexcept;

}  // namespace runtime::bson
