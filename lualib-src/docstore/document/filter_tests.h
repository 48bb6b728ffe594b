// What a filter may ask of one value, but for arrays: filter_arrays.h.
#pragma once

#include <bitset>
#include <unordered_set>

#include "docstore/document/filter_node.h"
#include "docstore/document/regex.h"

namespace runtime::document {

enum class Relation { equal, less, less_or_equal, greater, greater_or_equal };

// Values of different ranks are never in order, but for MinKey and MaxKey; null equals what is missing.
class Comparison : public ValueTest {
 public:
  Comparison(Relation relation, const Value& operand) : relation_(relation), operand_(operand) {}
  bool matches(const Value& value, MatchDetails* details) const override;
  void add_bounds(const std::string& path, std::vector<PathBound>* out) const override;
  Value equality() const override;

 private:
  bool takes(int order) const;

  const Relation relation_;
  const OwnedValue operand_;
};

// Regular expressions match strings, and values that are the same regular expression.
class RegexTest : public ValueTest {
 public:
  RegexTest(Regex regex, std::string_view pattern, std::string_view options);
  bool matches(const Value& value, MatchDetails* details) const override;
  void add_bounds(const std::string& path, std::vector<PathBound>* out) const override;

 private:
  const Regex regex_;
  OwnedValue literal_;
};

// $in: one of many values (found by their keys), or of some regular expressions.
class OneOf : public ValueTest {
 public:
  void add(const Value& value);
  void add(std::unique_ptr<RegexTest> regex) { regexes_.push_back(std::move(regex)); }
  bool matches(const Value& value, MatchDetails* details) const override;
  void add_bounds(const std::string& path, std::vector<PathBound>* out) const override;
  Value equality() const override;

 private:
  std::vector<OwnedValue> values_;
  std::unordered_set<std::string> keys_;
  std::vector<std::unique_ptr<RegexTest>> regexes_;
};

class Exists : public ValueTest {
 public:
  bool matches(const Value& value, MatchDetails*) const override { return !value.is_missing(); }
  Leaf leaf() const override { return Leaf::whole; }
};

class HasType : public ValueTest {
 public:
  void add(Type type) { types_.set(static_cast<std::uint8_t>(type)); }
  bool is_empty() const { return types_.none(); }
  bool matches(const Value& value, MatchDetails*) const override {
    return !value.is_missing() && types_.test(static_cast<std::uint8_t>(value.type));
  }

 private:
  std::bitset<256> types_;
};

class Remainder : public ValueTest {
 public:
  // `divisor` is not 0.
  Remainder(std::int64_t divisor, std::int64_t remainder)
      : divisor_(divisor), remainder_(remainder) {}
  bool matches(const Value& value, MatchDetails* details) const override;

 private:
  const std::int64_t divisor_, remainder_;
};

// $bitsAllSet and its kin: bits of whole numbers (two's complement, without end) and of binary values.
class Bits : public ValueTest {
 public:
  enum class Want { all_set, all_clear, any_set, any_clear };
  Bits(Want want, std::vector<std::uint64_t> positions)
      : want_(want), positions_(std::move(positions)) {}
  bool matches(const Value& value, MatchDetails* details) const override;

 private:
  const Want want_;
  const std::vector<std::uint64_t> positions_;
};

}  // namespace runtime::document
