// The keys under which an index finds a document.
//
// A document has one key, or as many as the array on its paths has elements. A key is the order-preserving bytes of
// its values, one path after the other; those of a descending path are inverted. A path that leads nowhere gives
// null. An empty array gives null as well: who finds by these keys looks at the document once more.
//
// Threads: any.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "docstore/storage/index_spec.h"

namespace runtime::docstore {

struct IndexKeys {
  std::vector<std::string> keys;  // ascending, each once
  bool many = false;              // an array was on the way
  // Two paths lead to different arrays: their last names, and no keys.
  bool parallel = false;
  std::string first_array, second_array;
};

IndexKeys index_keys(const IndexSpec& index, std::string_view document);

// The values that gave `key`, which is one of the document's: { path: value, ... }.
std::string key_value(const IndexSpec& index, std::string_view document, const std::string& key);

}  // namespace runtime::docstore
