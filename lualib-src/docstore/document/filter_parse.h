// Turns the bytes of a filter into its tree.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "docstore/document/filter_node.h"
#include "docstore/document/filter_tests.h"

namespace runtime::document {

class FilterParser {
 public:
  enum class Names { fields, one_name_first };
  FilterParser(Names names, CommandError* error) : names_(names), error_(error) {}

  // $expr may be asked, of whole documents alone. `constants` (or null) are what it may use.
  void allow_expressions(const Constants* constants) {
    takes_expressions_ = true;
    constants_ = constants;
  }

  // Null: refused.
  std::unique_ptr<AllOf> document(std::string_view bytes);

  // The name that all paths began with; for Names::one_name_first.
  const std::string& name() const { return name_; }

 private:
  std::unique_ptr<AllOf> operators(const Path& path, std::string_view bytes);
  bool add_logical(const bson::Element& element, FilterNodes* out);
  bool add_branches(const bson::Element& element, FilterNodes* out);
  bool add_field(const bson::Element& element, FilterNodes* out);
  bool add_operator(const Path& path, const bson::Element& element, std::string_view siblings,
                    FilterNodes* out);
  bool add_comparison(const Path& path, const bson::Element& element, Relation relation,
                      bool negated, FilterNodes* out);
  bool add_not(const Path& path, const bson::Element& element, FilterNodes* out);
  bool add_in(const Path& path, const bson::Element& element, bool negated, FilterNodes* out);
  bool add_all(const Path& path, const bson::Element& element, FilterNodes* out);
  bool add_type(const Path& path, const bson::Element& element, FilterNodes* out);
  bool add_regex(const Path& path, const bson::Element& element, std::string_view siblings,
                 FilterNodes* out);
  bool add_mod(const Path& path, const bson::Element& element, FilterNodes* out);
  bool add_bits(const Path& path, const bson::Element& element, Bits::Want want, FilterNodes* out);
  bool add_size(const Path& path, const bson::Element& element, FilterNodes* out);
  bool add_element(const Path& path, const bson::Element& element, FilterNodes* out);

  std::unique_ptr<RegexTest> regex(std::string_view pattern, std::string_view options);
  bool path_of(std::string_view key, Path* path);
  bool refuse(Code code, std::initializer_list<std::string_view> parts) {
    return document::refuse(error_, code, parts);
  }

  const Names names_;
  CommandError* const error_;
  bool takes_expressions_ = false;
  const Constants* constants_ = nullptr;
  std::string name_;
};

}  // namespace runtime::document
