#include "base/clock.h"

namespace runtime {

double ns_per_cycle() {
  static const double scale = [] {
    const std::int64_t from_ns = monotonic_ns();
    const std::uint64_t from = cycles();
    while (monotonic_ns() - from_ns < 2'000'000) {
    }
    const std::uint64_t spent = cycles() - from;
    return static_cast<double>(monotonic_ns() - from_ns) / static_cast<double>(spent ? spent : 1);
  }();
  return scale;
}

}  // namespace runtime
