#include "docstore/storage/duplicate.h"

#include "bson/writer.h"
#include "docstore/document/value.h"

namespace runtime::docstore {

namespace {

WriteFault fault(const std::string& collection, std::string_view index, std::string pattern,
                 std::string value) {
  std::string message = "E11000 duplicate key error collection: " + collection +
                        " index: " + std::string(index) +
                        " dup key: " + document::to_text(document::document_value(value), 2048);
  return {WriteFault::Kind::duplicate, std::move(message), std::move(pattern), std::move(value)};
}

}  // namespace

WriteFault duplicate_fault(const std::string& collection, const IndexSpec& index,
                           std::string_view document, const std::string& key) {
  return fault(collection, index.name, index.key, key_value(index, document, key));
}

WriteFault duplicate_id_fault(const std::string& collection, const bson::Element& id) {
  bson::Writer pattern, value;
  const std::size_t pattern_root = pattern.open(), value_root = value.open();
  pattern.int32("_id", 1);
  pattern.close(pattern_root);
  value.raw(id.type, "_id", id.value);
  value.close(value_root);
  return fault(collection, "_id_", std::string(pattern.bytes()), std::string(value.bytes()));
}

}  // namespace runtime::docstore
