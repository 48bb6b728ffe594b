#include "docstore/document/filter.h"

#include "docstore/document/filter_parse.h"
#include "docstore/document/path.h"

namespace runtime::document {

void MatchDetails::take_faults(MatchDetails* part) {
  if (part->regex_fault != 0) regex_fault = part->regex_fault;
  if (part->failure != nullptr) failure = std::move(part->failure);
}

bool MatchDetails::check(CommandError* error) const {
  if (failure != nullptr) {
    *error = *failure;
    return false;
  }
  if (regex_fault == 0) return true;
  return refuse(error, location(51156),
                {"Error occurred while executing the regular expression. Result code: ",
                 std::to_string(regex_fault)});
}

Filter::Filter() : root_(std::make_unique<AllOf>(FilterNodes())) {}
Filter::Filter(std::unique_ptr<AllOf> root) : root_(std::move(root)) {}
Filter::~Filter() = default;
Filter::Filter(Filter&& other) noexcept = default;
Filter& Filter::operator=(Filter&& other) noexcept = default;

std::optional<Filter> Filter::parse(std::string_view document, CommandError* error,
                                    const Constants* constants) {
  FilterParser parser(FilterParser::Names::fields, error);
  parser.allow_expressions(constants);
  std::unique_ptr<AllOf> root = parser.document(document);
  if (root == nullptr) return {};
  return Filter(std::move(root));
}

std::optional<Filter> Filter::parse_named(std::string_view document, std::string* name,
                                          CommandError* error) {
  FilterParser parser(FilterParser::Names::one_name_first, error);
  std::unique_ptr<AllOf> root = parser.document(document);
  if (root == nullptr) return {};
  *name = parser.name();
  return Filter(std::move(root));
}

bool Filter::matches(std::string_view document, MatchDetails* details) const {
  return matches_value(document_value(document), details);
}

bool Filter::matches_value(const Value& value, MatchDetails* details) const {
  *details = {};
  return root_->matches(value, details);
}

bool Filter::has_expression() const { return root_->has_expression(); }

bool Filter::is_empty() const { return root_->is_empty(); }

std::vector<PathBound> Filter::bounds() const {
  std::vector<PathBound> out;
  root_->add_bounds("", &out);
  return out;
}

bool Filter::equalities(std::vector<Equality>* out, CommandError* error) const {
  out->clear();
  root_->add_equalities(out);
  for (std::size_t i = 0; i < out->size(); ++i) {
    const Path path((*out)[i].path);
    for (std::size_t k = 0; k < i; ++k) {
      const Path before((*out)[k].path);
      if (path.text() == before.text()) {
        return refuse(
            error, Code::not_single_value_field,
            {"cannot infer query fields to set, path '", path.text(), "' is matched twice"});
      }
      if (path.is_prefix_of(before) || before.is_prefix_of(path)) {
        return refuse(error, Code::not_single_value_field,
                      {"cannot infer query fields to set, both paths '", before.text(), "' and '",
                       path.text(), "' are matched"});
      }
    }
  }
  return true;
}

}  // namespace runtime::document
