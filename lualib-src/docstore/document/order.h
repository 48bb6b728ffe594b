// The order of BSON values: what sorts, ranges, indexes and equality go by.
//
// Kinds first: MinKey, what is missing and undefined, null, numbers, strings and symbols, documents, arrays, binary,
// ObjectId, booleans, dates, timestamps, regular expressions, DBPointer, code, code with scope, MaxKey. Numbers
// compare by what they are worth, exactly, whatever their kinds: an int64 beyond 2^53 with a double, a decimal128
// with both. NaN equals itself and comes before all other numbers; -0 equals 0.
//
// Threads: any.
#pragma once

#include <string>
#include <string_view>

#include "docstore/document/value.h"

namespace runtime::document {

// The place of a kind in the order. Kinds of the same rank compare by their values.
int rank(Type type);

// Below, at or above 0.
int compare(const Value& a, const Value& b);
int compare_documents(std::string_view a, std::string_view b);
inline bool is_equal(const Value& a, const Value& b) { return compare(a, b) == 0; }

struct ValueLess {
  bool operator()(const OwnedValue& a, const OwnedValue& b) const {
    return compare(a.view(), b.view()) < 0;
  }
};

}  // namespace runtime::document
