#include "docstore/document/update_path.h"

#include "docstore/document/path.h"

namespace runtime::document {

namespace {

bool refuse_dollar(std::string_view name, std::string_view path, CommandError* error) {
  return refuse(
      error, Code::dollar_prefixed_field_name,
      {"The dollar ($) prefixed field '", name, "' in '", path,
       "' is not allowed in the context of an update's replacement document. Consider using an "
       "aggregation pipeline with $replaceWith."});
}

bool parse_step(std::string_view name, std::string_view path, UpdateStep* step,
                CommandError* error) {
  step->text = name;
  if (name.empty()) {
    return refuse(
        error, Code::empty_field_name,
        {"The update path '", path, "' contains an empty field name, which is not allowed."});
  }
  if (name == "$") {
    step->kind = UpdateStep::Kind::matched;
  } else if (name.starts_with("$[") && name.ends_with(']')) {
    step->kind = UpdateStep::Kind::each;
    step->filter = name.substr(2, name.size() - 3);
  } else if (name.starts_with('$')) {
    return refuse_dollar(name, path, error);
  }
  return true;
}

std::strong_ordering order(const std::string& a, const std::string& b) {
  const std::optional<std::uint32_t> left = array_index(a), right = array_index(b);
  if (left && right) return *left <=> *right;
  if (left || right) return left ? std::strong_ordering::less : std::strong_ordering::greater;
  return a.compare(b) <=> 0;
}

}  // namespace

std::optional<UpdatePath> UpdatePath::parse(std::string_view text, CommandError* error) {
  if (text.empty()) {
    refuse(error, Code::empty_field_name, {"An empty update path is not valid."});
    return {};
  }
  UpdatePath path;
  path.text_ = text;
  int matched = 0;
  for (std::size_t at = 0;;) {
    const std::size_t dot = text.find('.', at);
    UpdateStep step;
    if (!parse_step(text.substr(at, dot == std::string_view::npos ? dot : dot - at), text, &step,
                    error)) {
      return {};
    }
    if (step.kind == UpdateStep::Kind::matched) ++matched;
    if (step.kind != UpdateStep::Kind::name) {
      if (path.steps_.empty()) {
        refuse(error, Code::bad_value,
               {"Cannot have positional (i.e. '$') element in the first position in path '", text,
                "'"});
        return {};
      }
      path.has_places_ = true;
    }
    path.steps_.push_back(std::move(step));
    if (dot == std::string_view::npos) break;
    at = dot + 1;
  }
  if (matched > 1) {
    refuse(error, Code::bad_value,
           {"Too many positional (i.e. '$') elements found in path '", text, "'"});
    return {};
  }
  return path;
}

std::strong_ordering UpdatePath::operator<=>(const UpdatePath& other) const {
  for (std::size_t i = 0; i < steps_.size() && i < other.steps_.size(); ++i) {
    const std::strong_ordering here = order(steps_[i].text, other.steps_[i].text);
    if (here != std::strong_ordering::equal) return here;
  }
  return steps_.size() <=> other.steps_.size();
}

bool UpdatePath::check_beside(const UpdatePath& next, CommandError* error) const {
  std::size_t common = 0;
  std::string shared;
  while (common < steps_.size() && common < next.steps_.size() &&
         steps_[common].text == next.steps_[common].text) {
    shared += (common == 0 ? "" : ".") + steps_[common].text;
    ++common;
  }
  const bool is_inside = common == steps_.size() || common == next.steps_.size();
  const bool is_mixed = !is_inside && common > 0 &&
                        (steps_[common].kind == UpdateStep::Kind::each) !=
                            (next.steps_[common].kind == UpdateStep::Kind::each);
  if (!is_inside && !is_mixed) return true;
  return refuse(error, Code::conflicting_update_operators,
                {"Updating the path '", next.text_, "' would create a conflict at '", shared, "'"});
}

}  // namespace runtime::document
