// A document that is being changed: a tree that is taken apart only where something is looked for in it. What nobody
// touched is written as the bytes it came as.
//
// Ownership: a Node made of a Value points into its bytes, which must live as long; one made of an OwnedValue keeps it.
// Pointers to nodes end when a member is added to or taken from their parent.
// Threads:   one at a time.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "docstore/document/path.h"
#include "docstore/document/value.h"

namespace runtime::document {

class Node {
 public:
  struct Member;

  explicit Node(const Value& value);
  explicit Node(OwnedValue value);
  ~Node();
  Node(Node&& other) noexcept;
  Node& operator=(Node&& other) noexcept;
  static Node empty(Type container);

  Type type() const { return value_.type; }
  bool is_document() const { return type() == Type::document; }
  bool is_array() const { return type() == Type::array; }

  // Of a document or an array. The members of an array have no names.
  std::vector<Member>& members();
  // Null: not there.
  Node* find(std::string_view name);
  Node& append(std::string_view name, Node node);

  // The value as it is now; valid until the node is next touched. Of one that has become larger than a document may be,
  // a part that is still larger.
  Value view();
  void write(bson::Writer& writer, std::string_view key) const;

 private:
  void write_members(bson::Writer& writer) const;

  Value value_;  // the bytes are those from before it was taken apart
  std::unique_ptr<std::string> own_;
  std::vector<Member> members_;
  bool is_apart_ = false;
};

struct Node::Member {
  std::string name;
  Node node;
};

// Puts a value at a path of names; what is no document on the way becomes one.
void put_at(Node* root, const Path& path, Node value);

}  // namespace runtime::document
