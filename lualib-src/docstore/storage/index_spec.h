// What an index is: the document that createIndexes was given, taken apart.
//
// Ownership: an IndexSpec owns all of it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "docstore/document/filter.h"

namespace runtime::docstore {

struct IndexPath {
  std::string path;
  bool descending = false;
  bool has_number =
      false;  // "a.0": not used for finding, because it may mean a field or an element
};

struct IndexSpec {
  std::string name;
  std::string key;       // the document: paths and directions
  std::string document;  // all of it, as listIndexes gives it
  std::vector<IndexPath> paths;
  bool unique = false;
  bool sparse = false;
  bool is_place = false;  // "2d": kept for its name; $geoNear looks at each document
  std::optional<std::int64_t> expire_after_seconds;
  // partialFilterExpression, or nothing. Shared by the copies of the spec, none of which is the first.
  std::shared_ptr<const document::Filter> partial;
};

// Takes apart what createIndexes was given, or what the catalogue has. MongoDB's errors for what is wrong, and for
// what is not kept here (text, 2dsphere, wildcards).
std::optional<IndexSpec> parse_index(std::string_view spec, document::CommandError* error);

// That of the _id, which every collection has: as listIndexes shows it.
std::string id_index_document();

}  // namespace runtime::docstore
