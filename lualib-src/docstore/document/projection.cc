#include "docstore/document/projection.h"

#include <algorithm>
#include <chrono>

#include "docstore/document/projection_tree.h"

namespace runtime::document {

// One application of a projection to one document.
class ProjectionRun {
 public:
  using Action = ProjectionNode::Action;
  using Mode = ProjectionTree::Mode;

  ProjectionRun(const ProjectionTree& tree, const MatchDetails& details, Scope& scope,
                bson::Writer& writer, CommandError* error)
      : mode_(tree.mode_), details_(details), scope_(scope), writer_(writer), error_(error) {}

  // Writes what becomes of the fields of `document` into the document that is open.
  bool fields(const ProjectionNode& node, std::string_view document) {
    std::vector<bool> is_done(node.children.size());
    bson::Reader reader(document);
    bson::Element element;
    while (reader.next(&element)) {
      const auto found =
          std::ranges::find(node.children, element.key,
                            [](const auto& child) -> std::string_view { return child.first; });
      if (found == node.children.end()) {
        if (mode_ != Mode::include) write(writer_, element.key, Value(element));
        continue;
      }
      const ProjectionNode& child = *found->second;
      // What $project computes comes behind what it keeps.
      if (child.action == Action::compute && mode_ == Mode::include) continue;
      is_done[static_cast<std::size_t>(found - node.children.begin())] = true;
      if (!value(child, element.key, Value(element))) return false;
    }
    for (std::size_t i = 0; i < is_done.size(); ++i) {
      if (!is_done[i] && !computed(*node.children[i].second, node.children[i].first)) return false;
    }
    return true;
  }

 private:
  bool value(const ProjectionNode& node, std::string_view key, const Value& value) {
    switch (node.action) {
      case Action::inside: return inside(node, key, value);
      case Action::keep: write(writer_, key, value); return true;
      case Action::drop: return true;
      case Action::compute: return computed(node, key);
      case Action::slice: slice(node, key, value); return true;
      case Action::element: return element(node, key, value);
      case Action::position: return position(key, value);
    }
    return true;
  }

  // What a path into it makes of a value.
  bool inside(const ProjectionNode& node, std::string_view key, const Value& value) {
    if (value.is_document()) {
      const std::size_t opened = writer_.open(Type::document, key);
      if (!fields(node, value.bytes)) return false;
      writer_.close(opened);
    } else if (value.is_array()) {
      const std::size_t opened = writer_.open(Type::array, key);
      bson::ArrayKey index;
      bson::ArrayKey next = index;
      bson::Reader reader(value.bytes);
      bson::Element each;
      while (reader.next(&each)) {
        const std::size_t before = writer_.bytes().size();
        if (!inside(node, next.next(), Value(each))) return false;
        // Nothing was written: the index is free still.
        if (writer_.bytes().size() == before) next = index;
        index = next;
      }
      writer_.close(opened);
    } else if (mode_ == Mode::exclude) {
      write(writer_, key, value);
    } else if (node.computes()) {
      return computed(node, key);
    }
    return true;
  }

  // What is computed without a value at hand.
  bool computed(const ProjectionNode& node, std::string_view key) {
    if (node.action == Action::compute) {
      OwnedValue result;
      if (!node.expression->evaluate(scope_, &result, error_)) return false;
      write(writer_, key, result.view());
      return check_made_bytes(writer_.bytes().size(), error_);
    }
    if (node.action != Action::inside || !node.computes()) return true;
    const std::size_t opened = writer_.open(Type::document, key);
    for (const auto& [name, child] : node.children) {
      if (!computed(*child, name)) return false;
    }
    writer_.close(opened);
    return true;
  }

  void slice(const ProjectionNode& node, std::string_view key, const Value& value) {
    if (!value.is_array()) return write(writer_, key, value);
    const auto count = static_cast<std::int64_t>(count_elements(value.bytes));
    const std::int64_t begin =
        node.skip < 0 ? std::max<std::int64_t>(0, count + node.skip) : node.skip;
    const std::size_t opened = writer_.open(Type::array, key);
    bson::ArrayKey index;
    bson::Reader reader(value.bytes);
    bson::Element each;
    for (std::int64_t i = 0; reader.next(&each); ++i) {
      if (i >= begin && i - begin < node.count) write(writer_, index.next(), Value(each));
    }
    writer_.close(opened);
  }

  bool element(const ProjectionNode& node, std::string_view key, const Value& value) {
    if (!value.is_array()) return true;
    bson::Writer wrapped;
    const std::size_t root = wrapped.open();
    write(wrapped, "a", value);
    wrapped.close(root);
    MatchDetails details;
    const bool matches = node.filter->matches(wrapped.bytes(), &details);
    if (!details.check(error_)) return false;
    if (matches) write_element(key, value, *details.position);
    return true;
  }

  bool position(std::string_view key, const Value& value) {
    if (!value.is_array()) {
      write(writer_, key, value);
      return true;
    }
    if (!details_.position || *details_.position >= count_elements(value.bytes)) {
      return refuse(error_, location(51246),
                    {"Executor error during find command :: caused by :: positional operator "
                     "'.$' couldn't find a matching element in the array"});
    }
    write_element(key, value, *details_.position);
    return true;
  }

  void write_element(std::string_view key, const Value& array, std::uint32_t at) {
    const std::size_t opened = writer_.open(Type::array, key);
    write(writer_, "0", field(array.bytes, std::to_string(at)));
    writer_.close(opened);
  }

  const Mode mode_;
  const MatchDetails& details_;
  Scope& scope_;
  bson::Writer& writer_;
  CommandError* const error_;
};

bool ProjectionTree::apply(std::string_view document, const MatchDetails& details,
                           const Clock& clock, std::string* out, CommandError* error) const {
  bson::Writer writer;
  Scope scope{document_value(document), clock};
  const std::size_t root = writer.open();
  if (!ProjectionRun(*this, details, scope, writer, error).fields(root_, document)) return false;
  writer.close(root);
  *out = writer.bytes();
  return true;
}

Projection::Projection(std::unique_ptr<ProjectionTree> tree) : tree_(std::move(tree)) {
  using namespace std::chrono;
  clock_.ms = duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}
Projection::~Projection() = default;
Projection::Projection(Projection&& other) noexcept = default;
Projection& Projection::operator=(Projection&& other) noexcept = default;

std::optional<Projection> Projection::parse(std::string_view document, CommandError* error,
                                            const Constants* constants) {
  std::unique_ptr<ProjectionTree> tree =
      ProjectionTree::parse(document, ProjectionTree::Dialect::find, error, constants);
  if (tree == nullptr) return {};
  return Projection(std::move(tree));
}

bool Projection::is_positional() const { return tree_->is_positional(); }

bool Projection::apply(std::string_view document, const MatchDetails& details, std::string* out,
                       CommandError* error) const {
  return tree_->apply(document, details, clock_, out, error);
}

}  // namespace runtime::document
