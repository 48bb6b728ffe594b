// The values of `distinct`: each once, elements of arrays singly, in the order they were met.
//
// Threads:   one at a time.
// Ownership: it keeps copies of the values.
#pragma once

#include <string>
#include <string_view>
#include <unordered_set>

#include "docstore/document/path.h"

namespace runtime::document {

class Distinct {
 public:
  explicit Distinct(std::string_view path);

  // Refuses when the values together are larger than a document may be.
  bool add(std::string_view document, CommandError* error);
  // An array.
  std::string take();

 private:
  void note(const Value& value);

  Path path_;
  std::unordered_set<std::string> keys_;
  bson::Writer writer_;
  bson::ArrayKey index_;
  std::size_t root_;
};

}  // namespace runtime::document
