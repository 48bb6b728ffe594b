#include "docstore/document/update_plan.h"

#include <algorithm>
#include <set>

namespace runtime::document {

namespace {

bool is_filter_name(std::string_view name) {
  const auto is_lower = [](char c) { return c >= 'a' && c <= 'z'; };
  const auto is_letter = [&](char c) {
    return is_lower(c) || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  return !name.empty() && is_lower(name[0]) && std::ranges::all_of(name, is_letter);
}

bool check_replacement(std::string_view document, CommandError* error) {
  bson::Reader reader(document);
  bson::Element element;
  while (reader.next(&element)) {
    if (!element.key.starts_with('$')) continue;
    return refuse(
        error, Code::dollar_prefixed_field_name,
        {"The dollar ($) prefixed field '", element.key, "' in '", element.key,
         "' is not allowed in the context of an update's replacement document. Consider using an "
         "aggregation pipeline with $replaceWith."});
  }
  return true;
}

}  // namespace

std::unique_ptr<UpdatePlan> UpdatePlan::parse(std::string_view document,
                                              const std::vector<std::string_view>& array_filters,
                                              CommandError* error) {
  auto plan = std::make_unique<UpdatePlan>();
  plan->is_replacement_ = !first_element(document).key.starts_with('$');
  if (plan->is_replacement_) {
    if (!array_filters.empty()) {
      refuse(error, Code::failed_to_parse,
             {"arrayFilters may not be specified for replacement-style updates"});
      return nullptr;
    }
    plan->replacement_ = document;
    return check_replacement(document, error) ? std::move(plan) : nullptr;
  }
  if (!plan->add_array_filters(array_filters, error)) return nullptr;
  bson::Reader reader(document);
  bson::Element element;
  while (reader.next(&element)) {
    if (!plan->add_operator(element, error)) return nullptr;
  }
  const auto by_path = [](const Entry& a, const Entry& b) { return a.path < b.path; };
  std::ranges::stable_sort(plan->entries_, by_path);
  if (!plan->check_conflicts(error) || !plan->check_array_filters(document, error)) return nullptr;
  return plan;
}

const Filter* UpdatePlan::array_filter(const std::string& name) const {
  const auto found = array_filters_.find(name);
  return found == array_filters_.end() ? nullptr : &found->second;
}

bool UpdatePlan::add_operator(const bson::Element& element, CommandError* error) {
  const std::string_view name = element.key;
  if (!is_modifier(name)) {
    return refuse(
        error, Code::failed_to_parse,
        {"Unknown modifier: ", name,
         ". Expected a valid update modifier or pipeline-style update specified as an array"});
  }
  if (element.type != Type::document) {
    return refuse(error, Code::failed_to_parse,
                  {"Modifiers operate on fields but we found type ", type_name(element.type),
                   " instead. For example: {$mod: {<field>: ...}} not {", name, ": ",
                   to_text(Value(element)), "}"});
  }
  bson::Reader reader(element.value);
  bson::Element field;
  while (reader.next(&field)) {
    if (name == "$rename") {
      if (!add_rename(field, error)) return false;
      continue;
    }
    std::optional<UpdatePath> path = UpdatePath::parse(field.key, error);
    if (!path) return false;
    std::unique_ptr<Modifier> modifier = make_modifier(name, field, error);
    if (modifier == nullptr) return false;
    entries_.push_back({std::move(*path), std::move(modifier), {}});
  }
  return true;
}

bool UpdatePlan::add_rename(const bson::Element& field, CommandError* error) {
  if (field.type != Type::string) {
    return refuse(
        error, Code::bad_value,
        {"The 'to' field for $rename must be a string: ", field.key, ": ", to_text(Value(field))});
  }
  const std::string_view to = Value(field).text();
  if (to.find('\0') != std::string_view::npos) {
    return refuse(error, Code::bad_value,
                  {"The 'to' field for $rename cannot contain an embedded null byte"});
  }
  std::optional<UpdatePath> source = UpdatePath::parse(field.key, error);
  if (!source) return false;
  std::optional<UpdatePath> target = UpdatePath::parse(to, error);
  if (!target) return false;
  if (source->text() == target->text()) {
    return refuse(
        error, Code::bad_value,
        {"The source and target field for $rename must differ: ", field.key, ": \"", to, "\""});
  }
  if (source->has_places() || target->has_places()) {
    return refuse(
        error, Code::bad_value,
        {"The ", source->has_places() ? "source" : "destination",
         " field for $rename may not be dynamic: ", source->has_places() ? field.key : to});
  }
  CommandError conflict;
  if (!source->check_beside(*target, &conflict)) {
    return refuse(error, Code::bad_value,
                  {"The source and target field for $rename must not be on the same "
                   "path: ",
                   field.key, ": \"", to, "\""});
  }
  entries_.push_back({std::move(*target), nullptr, std::move(*source)});
  return true;
}

bool UpdatePlan::check_conflicts(CommandError* error) {
  // A path inside of another one comes next to it in their order, or behind others inside of it.
  std::vector<const UpdatePath*> paths;
  for (const Entry& entry : entries_) {
    paths.push_back(&entry.path);
    if (entry.source) paths.push_back(&*entry.source);
  }
  std::ranges::stable_sort(paths, [](const UpdatePath* a, const UpdatePath* b) { return *a < *b; });
  for (std::size_t i = 1; i < paths.size(); ++i) {
    if (!paths[i - 1]->check_beside(*paths[i], error)) return false;
  }
  return true;
}

bool UpdatePlan::add_array_filters(const std::vector<std::string_view>& filters,
                                   CommandError* error) {
  for (const std::string_view bytes : filters) {
    std::string name;
    std::optional<Filter> filter = Filter::parse_named(bytes, &name, error);
    if (!filter) return false;
    if (name.empty()) {
      return refuse(error, Code::failed_to_parse,
                    {"Cannot use an expression without a top-level field name in "
                     "arrayFilters"});
    }
    if (!is_filter_name(name)) {
      return refuse(
          error, Code::bad_value,
          {"Error parsing array filter :: caused by :: The top-level field name must be an "
           "alphanumeric string beginning with a lowercase letter, found '",
           name, "'"});
    }
    if (!array_filters_.emplace(name, std::move(*filter)).second) {
      return refuse(error, Code::failed_to_parse,
                    {"Found multiple array filters with the same top-level field name ", name});
    }
  }
  return true;
}

bool UpdatePlan::check_array_filters(std::string_view document, CommandError* error) const {
  std::set<std::string_view> used;
  for (const Entry& entry : entries_) {
    for (const UpdateStep& step : entry.path.steps()) {
      if (step.filter.empty()) continue;
      if (!array_filters_.contains(step.filter)) {
        return refuse(error, Code::bad_value,
                      {"No array filter found for identifier '", step.filter, "' in path '",
                       entry.path.text(), "'"});
      }
      used.insert(step.filter);
    }
  }
  for (const auto& [name, filter] : array_filters_) {
    if (used.contains(name)) continue;
    return refuse(error, Code::failed_to_parse,
                  {"The array filter for identifier '", name, "' was not used in the update ",
                   to_text(document_value(document))});
  }
  return true;
}

}  // namespace runtime::document
