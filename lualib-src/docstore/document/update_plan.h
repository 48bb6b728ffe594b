// What an update was parsed into.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "docstore/document/modifier.h"
#include "docstore/document/update_path.h"

namespace runtime::document {

class UpdatePlan {
 public:
  struct Entry {
    UpdatePath path;
    std::unique_ptr<Modifier> modifier;  // null: $rename
    std::optional<UpdatePath> source;    // of a $rename, which `path` is the target of
  };

  // Null: refused.
  static std::unique_ptr<UpdatePlan> parse(std::string_view document,
                                           const std::vector<std::string_view>& array_filters,
                                           CommandError* error);

  bool is_replacement() const { return is_replacement_; }
  const std::string& replacement() const { return replacement_; }
  const std::vector<Entry>& entries() const { return entries_; }  // in the order they are done
  // Null: there is none of that name.
  const Filter* array_filter(const std::string& name) const;

 private:
  bool add_operator(const bson::Element& element, CommandError* error);
  bool add_rename(const bson::Element& field, CommandError* error);
  bool add_array_filters(const std::vector<std::string_view>& filters, CommandError* error);
  bool check_conflicts(CommandError* error);
  bool check_array_filters(std::string_view document, CommandError* error) const;

  bool is_replacement_ = false;
  std::string replacement_;
  std::vector<Entry> entries_;
  std::map<std::string, Filter> array_filters_;
};

}  // namespace runtime::document
