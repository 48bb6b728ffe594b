// The MongoDB that the store is taken for: clients decide by it what they may ask.
#pragma once

#include <cstdint>
#include <string_view>

namespace runtime::docstore {

constexpr std::string_view kVersion = "7.0.0";
constexpr std::int32_t kVersionParts[] = {7, 0, 0, 0};
constexpr std::int32_t kWireVersion = 21;

}  // namespace runtime::docstore
