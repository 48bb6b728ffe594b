#include "docstore/document/filter_arrays.h"

namespace runtime::document {

bool HasElement::matches(const Value& value, MatchDetails* details) const {
  if (!value.is_array()) return false;
  bson::Reader reader(value.bytes);
  bson::Element element;
  for (std::uint32_t i = 0; reader.next(&element); ++i) {
    Value each(element);
    if (of_ == Of::documents) {
      if (!each.is_container()) continue;
      each.type = Type::document;
    }
    if (!filter_->matches(each, details)) continue;
    details->position = i;
    return true;
  }
  return false;
}

}  // namespace runtime::document
