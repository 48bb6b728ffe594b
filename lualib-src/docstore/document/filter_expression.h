// $expr in a filter: an expression that is true of the document.
#pragma once

#include <memory>

#include "docstore/document/filter_node.h"

namespace runtime::document {

class Constants;

// Null: refused.
std::unique_ptr<FilterNode> parse_expression_filter(const Value& spec, const Constants* constants,
                                                    CommandError* error);

}  // namespace runtime::document
