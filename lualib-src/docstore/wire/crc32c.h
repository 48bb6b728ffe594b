// CRC-32C (Castagnoli), the checksum of OP_MSG.
#pragma once

#include <cstdint>
#include <string_view>

namespace runtime::docstore {

std::uint32_t crc32c(std::string_view bytes) noexcept;

}  // namespace runtime::docstore
