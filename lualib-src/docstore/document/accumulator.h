// What $group collects from the documents of a group.
//
// Threads:   one at a time.
// Ownership: it keeps copies.
#pragma once

#include <memory>
#include <string_view>

#include "docstore/document/error.h"
#include "docstore/document/value.h"

namespace runtime::document {

class Accumulator {
 public:
  virtual ~Accumulator() = default;
  virtual bool add(const Value& value, CommandError* error) = 0;
  virtual OwnedValue result() = 0;
  // About how much it keeps.
  virtual std::size_t bytes() const { return 64; }
};

// $sum $avg $min $max $first $last $push $addToSet $mergeObjects. Null: there is none of that name.
std::unique_ptr<Accumulator> make_accumulator(std::string_view name);

}  // namespace runtime::document
