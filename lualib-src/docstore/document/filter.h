// A filter: which documents find, update, delete and $match mean.
//
//   std::optional<Filter> filter = Filter::parse(bytes, &error);
//   MatchDetails details;
//   if (filter->matches(document, &details)) ...
//
// Operators: $eq $ne $gt $gte $lt $lte $in $nin $and $or $nor $not $exists $type $regex ($options) $mod $all $size
// $elemMatch $bitsAllSet and its kin, $expr, $comment; equality with any value; regular expressions as values. Another
// operator is an error, never a match.
//
// Threads:   parse anywhere; a parsed Filter may be used by several threads at once.
// Ownership: a Filter copies what it needs of the bytes it was parsed from.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "docstore/document/error.h"
#include "docstore/document/key.h"
#include "docstore/document/value.h"

namespace runtime::document {

class AllOf;
class Constants;

// What matching found out besides.
struct MatchDetails {
  // The element that matched, of the outermost array on the way to what matched last: `$` of updates and projections.
  std::optional<std::uint32_t> position;
  // Not 0: PCRE2 gave up on a regular expression, and the answer of the match is worthless.
  int regex_fault = 0;
  // So it is when an $expr could not be evaluated: why.
  std::unique_ptr<CommandError> failure = nullptr;

  bool has_failed() const { return regex_fault != 0 || failure != nullptr; }
  // What a part of a filter met that was asked on its own. Its position is left out.
  void take_faults(MatchDetails* part);
  // Refuses when the match failed.
  bool check(CommandError* error) const;
};

// What a filter demands of one path. Among the keys that an index on the path has of a matching document, one lies in
// one of `ranges`. Nothing more is promised: what an index finds must still be matched.
//
// The index is expected to have, for a path that leads to an array, the elements (not the array itself), and null for
// what is missing and for an empty array. There are no bounds on paths with numbers in them.
struct PathBound {
  std::string path;
  std::vector<KeyRange> ranges;  // of ascending keys, in order, none overlaps another
  bool is_points = false;        // each range is one value: $eq, $in
  bool takes_missing =
      false;  // a document without the path may match: a sparse index does not have it
};

class Filter {
 public:
  Filter();  // matches every document
  ~Filter();
  Filter(Filter&& other) noexcept;
  Filter& operator=(Filter&& other) noexcept;

  // `constants` (or null) are what its expressions may use.
  static std::optional<Filter> parse(std::string_view document, CommandError* error,
                                     const Constants* constants = nullptr);
  // For elements of arrays (arrayFilters): every path begins with a name that stands for the element and is left out:
  // {"x.a": 1, "x.b": 2}. *name is that name.
  static std::optional<Filter> parse_named(std::string_view document, std::string* name,
                                           CommandError* error);

  // The answer holds once details->check() succeeds.
  bool matches(std::string_view document, MatchDetails* details) const;
  // For what parse_named() gave.
  bool matches_value(const Value& value, MatchDetails* details) const;

  // Whether there is an $expr in it. Not everything that takes a filter takes one of these.
  bool has_expression() const;

  // True for {}: nothing is asked.
  bool is_empty() const;

  // What all matching documents fulfil at once. A path may come several times: each alone holds, and for a path whose
  // values may lie in arrays they cannot be intersected ({a: {$gt: 1, $lt: 5}} matches {a: [0, 9]}).
  std::vector<PathBound> bounds() const;

  // What an upsert puts into a new document: the fields that the filter wants to be equal to something, in the
  // filter's order. Refuses when they contradict each other ({a: 1, "a.b": 2}).
  struct Equality {
    std::string path;
    OwnedValue value;
  };
  bool equalities(std::vector<Equality>* out, CommandError* error) const;

 private:
  explicit Filter(std::unique_ptr<AllOf> root);
  std::unique_ptr<AllOf> root_;
};

}  // namespace runtime::document
