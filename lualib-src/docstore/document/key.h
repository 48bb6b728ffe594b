// Values as bytes whose order (memcmp) is the order of the values: keys of indexes.
//
//   key of a value   rank (1 byte) | what lies within that rank
//
// Equal values have equal keys, whatever kinds of numbers they are. No key is the beginning of another one, so keys
// stand in a row for compound indexes, and an inverted key sorts the other way round. A value cannot be read back.
// No key begins with 00 or ff, inverted or not: these are free for bounds below and above all.
//
// Threads: any.
#pragma once

#include <string>
#include <string_view>

#include "docstore/document/value.h"

namespace runtime::document {

enum class Direction { ascending, descending };

// Appends the key of a value. What is missing and undefined have a key of their own below null's; an index that
// takes what is missing for null gives null.
void append_key(const Value& value, std::string* key);
void append_key(const Value& value, Direction direction, std::string* key);
std::string key_of(const Value& value);

// The keys of a range of values: `low` <= key < `high`.
struct KeyRange {
  std::string low, high;

  static KeyRange point(const Value& value);
  // All values of a rank, as order.h has them, and the part of them on one side of `value`.
  static KeyRange rank_of(Type type);
  enum class Edge { excluded, included };
  static KeyRange below(const Value& value, Edge edge);
  static KeyRange above(const Value& value, Edge edge);

  bool is_empty() const { return low >= high; }
  KeyRange intersection(const KeyRange& other) const;
  // The same values among descending keys.
  KeyRange inverted() const;
};

// Inverts the bytes from `begin` on.
void invert_key(std::string* key, std::size_t begin);
// The first bytes above all that begin with `prefix`; empty where there are none.
std::string key_after(std::string_view prefix);

}  // namespace runtime::document
