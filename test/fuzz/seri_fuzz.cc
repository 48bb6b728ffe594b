// Any bytes into unpack(), on both engines: they must agree on what is a message.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

// From engine/seri_round_trip.cc. The number of values in the bytes, -1 when they are no values, -2
// when Lua raised an error, or has no room for a pointer.
namespace runtime::lua54 {
int seri_round_trip(const std::uint8_t* data, std::size_t size);
}
namespace runtime::luajit {
int seri_round_trip(const std::uint8_t* data, std::size_t size);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const int lua54 = runtime::lua54::seri_round_trip(data, size);
  const int luajit = runtime::luajit::seri_round_trip(data, size);
  // LuaJIT's stack is smaller, and it is not given every bit pattern as a light userdata.
  if (size < 5000 && lua54 != -2 && luajit != -2 && lua54 != luajit) std::abort();
  return 0;
}
