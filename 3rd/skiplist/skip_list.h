// A sorted list of (score, member) pairs that also knows the rank of each: everything in O(log n).
//
// Order: score ascending, then member bytes ascending, the shorter first on a common prefix. Equal
//        pairs may be there several times. Ranks count from 1. Scores are not NaN.
// Threads: none of its own; one user at a time.
// Memory: one block a pair; members are copied in.
//
//   level 2   head ----------------- 3 ---------------> c ---> end      the numbers are spans: how many
//   level 1   head -- 1 --> a ------ 2 ---------------> c ---> end      ranks a link moves forward
//   level 0   head -- 1 --> a -- 1 --> b -- 1 --------> c ---> end
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace runtime {

class SkipList {
 public:
  class Node;

  SkipList() noexcept;
  ~SkipList();
  SkipList(const SkipList&) = delete;
  SkipList& operator=(const SkipList&) = delete;

  std::size_t size() const { return size_; }

  void insert(double score, std::string_view member) noexcept;

  // Removes one pair; false when it is not there.
  bool erase(double score, std::string_view member) noexcept;

  // Removes the pair at `rank`, 1..size().
  void erase_rank(std::size_t rank) noexcept;

  // The rank of the first such pair; 0 when it is not there.
  std::size_t rank(double score, std::string_view member) const noexcept;

  // The pair at `rank`; null when the rank is not 1..size(). Valid until it is removed.
  const Node* at(std::size_t rank) const noexcept;

  // The first pair with a score of at least `score`, the last with one of at most `score`; or null.
  const Node* first_from(double score) const noexcept;
  const Node* last_to(double score) const noexcept;

  // The neighbours in the order; null at the ends.
  static const Node* next(const Node* node) noexcept;
  static const Node* previous(const Node* node) noexcept;
  static double score(const Node* node) noexcept;
  static std::string_view member(const Node* node) noexcept;

 private:
  // With a quarter of the nodes on each next level: 4^24 pairs.
  static constexpr int kMaxHeight = 24;

  // For each level, the last node before some place, and that node's rank.
  struct Path {
    Node* node[kMaxHeight];
    std::size_t rank[kMaxHeight];
  };

  template <class Before>
  void descend(Path* path, Before before) const noexcept;
  void unlink(const Path& path, Node* node) noexcept;
  int random_height() noexcept;

  Node* head_;
  Node* last_ = nullptr;
  std::size_t size_ = 0;
  int height_ = 1;
  std::uint64_t random_;
};

}  // namespace runtime
