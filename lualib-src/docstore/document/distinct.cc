#include "docstore/document/distinct.h"

#include "docstore/document/key.h"

namespace runtime::document {

Distinct::Distinct(std::string_view path) : path_(path), root_(writer_.open()) {}

bool Distinct::add(std::string_view document, CommandError* error) {
  walk(document_value(document), path_, Leaf::whole, [&](const Met& met) {
    if (!met.value.is_array()) {
      if (!met.value.is_missing()) note(met.value);
      return false;
    }
    bson::Reader reader(met.value.bytes);
    bson::Element element;
    while (reader.next(&element)) note(Value(element));
    return false;
  });
  if (writer_.bytes().size() < kLargestStoredBytes) return true;
  return refuse(error, location(17217), {"distinct too big, 16mb cap"});
}

void Distinct::note(const Value& value) {
  if (keys_.insert(key_of(value)).second) write(writer_, index_.next(), value);
}

std::string Distinct::take() {
  writer_.close(root_);
  return std::string(writer_.bytes());
}

}  // namespace runtime::document
