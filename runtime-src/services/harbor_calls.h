// The requests of this node's services that other nodes have not answered yet, so that they can be
// answered with an error when their node goes down.
//
// Threads: one at a time.
// Memory:  an entry for each request until it is answered. A request that never is (its caller has
//          ended, or its callee forgets it) stays until its caller has ended: the table looks for
//          those each time it has doubled.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace runtime {

class HarborCalls {
 public:
  struct Call {
    std::uint32_t source;
    std::uint32_t destination;
    int session;
  };

  // `alive(handle)` tells whether a service of this node still exists.
  template <class Alive>
  void add(const Call& call, const Alive& alive) {
    calls_[key(call.source, call.session)] = call.destination;
    if (calls_.size() < prune_at_) return;
    std::erase_if(calls_, [&](const auto& entry) { return !alive(source_of(entry.first)); });
    prune_at_ = std::max(kPruneAt, 2 * calls_.size());
  }

  // False: there is no such request, or no more.
  bool remove(std::uint32_t source, int session) { return calls_.erase(key(source, session)) != 0; }

  // The requests to one node, which are forgotten.
  std::vector<Call> take(int node) {
    std::vector<Call> taken;
    std::erase_if(calls_, [&](const auto& entry) {
      if (static_cast<int>(entry.second >> 24) != node) return false;
      taken.push_back({source_of(entry.first), entry.second, static_cast<int>(entry.first)});
      return true;
    });
    return taken;
  }

  std::size_t size() const { return calls_.size(); }

  static constexpr std::size_t kPruneAt = 4096;

 private:
  static std::uint64_t key(std::uint32_t source, int session) {
    return std::uint64_t{source} << 32 | static_cast<std::uint32_t>(session);
  }
  static std::uint32_t source_of(std::uint64_t key) {
    return static_cast<std::uint32_t>(key >> 32);
  }

  std::unordered_map<std::uint64_t, std::uint32_t> calls_;  // source and session -> destination
  std::size_t prune_at_ = kPruneAt;
};

}  // namespace runtime
