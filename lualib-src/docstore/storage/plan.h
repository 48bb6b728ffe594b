// Which way to the documents that a filter may fit: by _id, by an index, or through all of them.
//
// What the way leads to holds every document that fits, and may hold others: who reads looks at each with the filter.
//
// Used are conditions that all must hold (the filter's own, and those in $and): equality, $in, and ranges; for the
// first paths of an index, the last of them alone a range. Of an index over arrays only one end of a range counts,
// as another element may be within the other one.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "docstore/document/filter.h"
#include "docstore/storage/collection.h"
#include "docstore/storage/scan.h"

namespace runtime::docstore {

struct PlanRequest {
  const document::Filter& filter;
  std::string_view sort;                // a document; empty for any order
  std::optional<bson::Element> hint{};  // a name, or the keys of an index, or { $natural: 1 }
};

// Nothing for a hint that names no index.
std::optional<Plan> choose_plan(const Collection& collection, const PlanRequest& request);

}  // namespace runtime::docstore
