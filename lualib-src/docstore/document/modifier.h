// What an update operator does to one value.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "docstore/document/node.h"
#include "docstore/document/update.h"

namespace runtime::document {

enum class Effect { none, changed, removed, refused };

// What a modifier may need to know, and where it tells what is wrong.
struct Circumstances {
  const Clock& clock;
  std::string_view document;  // as it was; for error messages
  CommandError* error;
  std::string_view name;  // the last name of the path, concrete

  Effect refuse(Code code, std::initializer_list<std::string_view> parts) const {
    document::refuse(error, code, parts);
    return Effect::refused;
  }
  // "{_id: 1}"
  std::string id_text() const;
};

class Modifier {
 public:
  virtual ~Modifier() = default;
  // The path leads to `node`. Effect::removed: its parent shall take it away.
  virtual Effect change(Node* node, const Circumstances& at) const = 0;
  // Whether something becomes of a path that leads nowhere.
  virtual bool creates() const { return true; }
  // What becomes of it: *node is new, and null.
  virtual Effect make(Node* node, const Circumstances& at) const { return change(node, at); }
  // Only when an upsert inserts.
  virtual bool is_for_insert() const { return false; }
};

// Of {$set: {a: 1}}: the modifier for "a" with its operand. Null: refused. `name` is one that is_modifier() takes.
std::unique_ptr<Modifier> make_modifier(std::string_view name, const bson::Element& field,
                                        CommandError* error);
bool is_modifier(std::string_view name);

// In modifiers_arrays.cc. `name` is one of $push $pull $pullAll $addToSet $pop.
std::unique_ptr<Modifier> make_array_modifier(std::string_view name, const bson::Element& field,
                                              CommandError* error);

}  // namespace runtime::document
