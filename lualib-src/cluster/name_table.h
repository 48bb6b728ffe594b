// The services of this node that other nodes may call as "@name". One table for the whole process: every
// connection looks names up in it, so a change holds at once for all of them.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace runtime::cluster {

// False: the name is in use. A service has one name: an earlier one is dropped.
bool register_name(std::string_view name, std::uint32_t handle, std::string* dropped);
// The handle it stood for; 0 if there was none.
std::uint32_t unregister_name(std::string_view name);
// 0: nobody has this name.
std::uint32_t find_name(std::string_view name);

}  // namespace runtime::cluster
