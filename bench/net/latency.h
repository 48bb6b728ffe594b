// How long requests took: counts in buckets whose width is 1/32 of their value, so that percentiles
// are good to 3 %.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace bench {

class Latency {
 public:
  void add(std::uint64_t ns) {
    ++counts_[bucket(ns)];
    ++total_;
    max_ = std::max(max_, ns);
  }

  // In microseconds: what `share` of all requests did not exceed.
  double percentile(double share) const {
    const auto rank = static_cast<std::uint64_t>(static_cast<double>(total_) * share);
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen > rank) return static_cast<double>(lowest(i)) / 1e3;
    }
    return max();
  }
  double max() const { return static_cast<double>(max_) / 1e3; }

 private:
  // The bits of a value, after its first, that choose the bucket.
  static constexpr unsigned kBits = 5;
  static constexpr std::uint64_t kSteps = 1u << kBits;

  static std::size_t bucket(std::uint64_t ns) {
    if (ns < kSteps) return ns;
    const unsigned shift = static_cast<unsigned>(std::bit_width(ns)) - kBits - 1;
    return (shift + 1) * kSteps + ((ns >> shift) & (kSteps - 1));
  }
  static std::uint64_t lowest(std::size_t bucket) {
    if (bucket < kSteps) return bucket;
    return (kSteps | (bucket & (kSteps - 1))) << (bucket / kSteps - 1);
  }

  std::array<std::uint64_t, (64 - kBits + 1) * kSteps> counts_{};
  std::uint64_t total_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace bench
