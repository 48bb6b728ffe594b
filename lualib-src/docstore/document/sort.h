// The order of an answer: {a: 1, "b.c": -1}.
//
// Where a path leads to several values (arrays), the least one counts, or for -1 the greatest. What is missing counts as
// null, an empty array as what is below null.
//
// Threads:   a parsed SortPattern may be used by several threads at once; a Sorter by one.
// Ownership: both own what they keep.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "docstore/document/error.h"
#include "docstore/document/key.h"
#include "docstore/document/path.h"

namespace runtime::document {

class SortPattern {
 public:
  struct Part {
    Path path;
    Direction direction = Direction::ascending;
  };

  static constexpr std::size_t kMostParts = 32;

  static std::optional<SortPattern> parse(std::string_view document, CommandError* error);

  const std::vector<Part>& parts() const { return parts_; }
  // Bytes whose order (memcmp) is the order of the documents.
  std::string key(std::string_view document) const;

 private:
  std::vector<Part> parts_;
};

// Sorts documents, or keeps the first `limit` of them, in bounded memory. Documents that are equal stay in the order
// they came in.
class Sorter {
 public:
  static constexpr std::size_t kMostBytes = std::size_t{100} << 20;  // MongoDB's bound

  // limit 0: all.
  Sorter(SortPattern pattern, std::uint64_t limit, std::size_t most_bytes = kMostBytes);

  // Refuses when the documents to keep are more than the memory bound allows. `tag` comes out again with the document.
  bool add(std::string_view document, std::int64_t tag, CommandError* error);

  struct Item {
    std::string key;
    std::uint64_t number = 0;  // of arrival
    std::int64_t tag = 0;
    std::string document;
  };
  // In order. The sorter is empty afterwards.
  std::vector<Item> take();

 private:
  SortPattern pattern_;
  std::uint64_t limit_;
  std::size_t most_bytes_;
  std::vector<Item>
      items_;  // a heap, the last in order on top, once there is a limit and it is reached
  std::size_t bytes_ = 0;
  std::uint64_t count_ = 0;
};

}  // namespace runtime::document
