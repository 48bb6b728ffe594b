// What is said of a key that another document has: MongoDB's text, and the documents keyPattern and keyValue.
#pragma once

#include <string>
#include <string_view>

#include "bson/reader.h"
#include "docstore/storage/collection.h"

namespace runtime::docstore {

// `document` has `key` in the index.
WriteFault duplicate_fault(const std::string& collection, const IndexSpec& index,
                           std::string_view document, const std::string& key);
WriteFault duplicate_id_fault(const std::string& collection, const bson::Element& id);

}  // namespace runtime::docstore
