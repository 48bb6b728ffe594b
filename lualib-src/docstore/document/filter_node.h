// The tree that a filter is parsed into.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "docstore/document/filter.h"
#include "docstore/document/path.h"

namespace runtime::document {

// Asks something of a document, or of an element of an array.
class FilterNode {
 public:
  virtual ~FilterNode() = default;
  virtual bool matches(const Value& root, MatchDetails* details) const = 0;
  // Adds what matching documents fulfil; `prefix` is the path to the root of this node, "" or "a.".
  virtual void add_bounds(const std::string& /*prefix*/, std::vector<PathBound>* /*out*/) const {}
  virtual void add_equalities(std::vector<Filter::Equality>* /*out*/) const {}
  virtual bool has_expression() const { return false; }
};
using FilterNodes = std::vector<std::unique_ptr<FilterNode>>;
bool have_expression(const FilterNodes& nodes);

class AllOf : public FilterNode {
 public:
  explicit AllOf(FilterNodes nodes) : nodes_(std::move(nodes)) {}
  bool matches(const Value& root, MatchDetails* details) const override;
  void add_bounds(const std::string& prefix, std::vector<PathBound>* out) const override;
  void add_equalities(std::vector<Filter::Equality>* out) const override;
  bool has_expression() const override { return have_expression(nodes_); }
  bool is_empty() const { return nodes_.empty(); }

 private:
  FilterNodes nodes_;
};

class AnyOf : public FilterNode {
 public:
  explicit AnyOf(FilterNodes nodes) : nodes_(std::move(nodes)) {}
  bool has_expression() const override { return have_expression(nodes_); }
  bool matches(const Value& root, MatchDetails* details) const override;
  void add_bounds(const std::string& prefix, std::vector<PathBound>* out) const override;
  void add_equalities(std::vector<Filter::Equality>* out) const override;

 private:
  FilterNodes nodes_;
};

class NoneOf : public FilterNode {
 public:
  explicit NoneOf(FilterNodes nodes) : nodes_(std::move(nodes)) {}
  bool has_expression() const override { return have_expression(nodes_); }
  bool matches(const Value& root, MatchDetails* details) const override;

 private:
  FilterNodes nodes_;
};

// Asks something of one value.
class ValueTest {
 public:
  virtual ~ValueTest() = default;
  virtual bool matches(const Value& value, MatchDetails* details) const = 0;
  virtual Leaf leaf() const { return Leaf::expand; }
  virtual void add_bounds(const std::string& /*path*/, std::vector<PathBound>* /*out*/) const {}
  // The one value that this test takes, if it is such a one.
  virtual Value equality() const { return {}; }
};

// A test of what a path leads to: some value there must pass. The empty path is the root itself.
class AtPath : public FilterNode {
 public:
  AtPath(const Path& path, std::unique_ptr<ValueTest> test) : path_(path), test_(std::move(test)) {}
  bool matches(const Value& root, MatchDetails* details) const override;
  void add_bounds(const std::string& prefix, std::vector<PathBound>* out) const override;
  void add_equalities(std::vector<Filter::Equality>* out) const override;

 private:
  const Path path_;
  const std::unique_ptr<ValueTest> test_;
};

}  // namespace runtime::document
