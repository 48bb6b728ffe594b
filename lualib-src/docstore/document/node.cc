#include "docstore/document/node.h"

namespace runtime::document {

namespace {

constexpr std::string_view kEmptyContainer("\5\0\0\0\0", 5);

}  // namespace

Node::Node(const Value& value) : value_(value) {}
Node::~Node() = default;
Node::Node(Node&& other) noexcept = default;
Node& Node::operator=(Node&& other) noexcept = default;

Node::Node(OwnedValue value) : own_(std::make_unique<std::string>(value.bytes())) {
  value_ = {value.type(), *own_};
}

Node Node::empty(Type container) { return Node(Value(container, kEmptyContainer)); }

std::vector<Node::Member>& Node::members() {
  if (is_apart_) return members_;
  is_apart_ = true;
  bson::Reader reader(value_.bytes);
  bson::Element element;
  while (reader.next(&element)) {
    members_.push_back(
        {is_document() ? std::string(element.key) : std::string(), Node(Value(element))});
  }
  return members_;
}

Node* Node::find(std::string_view name) {
  for (Member& member : members()) {
    if (member.name == name) return &member.node;
  }
  return nullptr;
}

Node& Node::append(std::string_view name, Node node) {
  members().push_back({std::string(name), std::move(node)});
  return members_.back().node;
}

Value Node::view() {
  if (!is_apart_) return value_;
  bson::Writer writer;
  const std::size_t opened = writer.open();
  write_members(writer);
  writer.close(opened);
  // The members may point into the bytes from before.
  members_.clear();
  is_apart_ = false;
  own_ = std::make_unique<std::string>(writer.bytes());
  value_.bytes = *own_;
  return value_;
}

void Node::write(bson::Writer& writer, std::string_view key) const {
  if (!is_apart_) return writer.raw(value_.type, key, value_.bytes);
  const std::size_t opened = writer.open(value_.type, key);
  write_members(writer);
  writer.close(opened);
}

void Node::write_members(bson::Writer& writer) const {
  bson::ArrayKey index;
  for (const Member& member : members_) {
    // Too large for any document already: who reads the bytes refuses them by their size. Values that stand here many
    // times, as $[] puts them, could come to any size.
    if (writer.bytes().size() > kLargestStoredBytes) break;
    member.node.write(writer,
                      value_.type == Type::array ? index.next() : std::string_view(member.name));
  }
}

void put_at(Node* root, const Path& path, Node value) {
  Node* node = root;
  for (std::size_t i = 0; i < path.size(); ++i) {
    const bool is_last = i + 1 == path.size();
    Node* next = node->find(path[i]);
    if (next == nullptr) next = &node->append(path[i], Node::empty(Type::document));
    if (is_last) {
      *next = std::move(value);
    } else if (!next->is_document()) {
      *next = Node::empty(Type::document);
    }
    node = next;
  }
}

}  // namespace runtime::document
