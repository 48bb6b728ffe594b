// Any bytes as a compressed message: what it announces is bounded by what came, and inflating writes that and no
// byte more. What is inflated can be compressed again, and gives itself.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <vector>

#include "mongo/compression.h"

namespace {

constexpr std::size_t kMost = std::size_t{1} << 20;

void check(bool condition) {
  if (!condition) std::abort();
}

void check_round_trip(runtime::mongo::Compressor compressor, std::string_view body) {
  using namespace runtime::mongo;
  std::vector<char> packed(compressed_bound(compressor, body.size()));
  packed.resize(deflate(compressor, body, -1, packed.data()));
  check(!packed.empty() || body.empty());
  Compressed again;
  again.compressor = compressor;
  again.size = body.size();
  again.bytes = {packed.data(), packed.size()};
  const auto out = std::make_unique<char[]>(body.size());
  check(inflate(again, out.get()) == CompressionRefusal::none);
  check(std::string_view(out.get(), body.size()) == body);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace runtime::mongo;
  const std::string_view rest(reinterpret_cast<const char*>(data), size);
  const Compressed found = parse_compressed(rest, kMost);
  check(describe(found.refusal) != nullptr);
  if (found.refusal != CompressionRefusal::none) {
    check(found.size == 0 && found.bytes.empty());
    return 0;
  }
  check(found.size <= kMost);
  check(found.bytes.data() + found.bytes.size() == rest.data() + rest.size());
  const auto out = std::make_unique<char[]>(found.size);
  if (inflate(found, out.get()) != CompressionRefusal::none) return 0;
  check_round_trip(found.compressor, {out.get(), found.size});
  return 0;
}
