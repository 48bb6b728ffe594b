// Random bytes that nobody can guess, and what is made of them.
#pragma once

#include <string>

namespace runtime::docstore {

std::string random_bytes(std::size_t count);

// 16 bytes of a version 4 UUID.
std::string random_uuid();

}  // namespace runtime::docstore
