// The stages that look at one document at a time.
#include "docstore/document/filter.h"
#include "docstore/document/node.h"
#include "docstore/document/path.h"
#include "docstore/document/projection_tree.h"
#include "docstore/document/stage.h"

namespace runtime::document {

namespace {

// A stage whose work is one function: it gets each document, and passes on what it likes.
template <class Work>
class EachStage : public Stage {
 public:
  explicit EachStage(Work work) : work_(std::move(work)) {}
  std::unique_ptr<StageRun> start(const Surroundings& surroundings,
                                  Pipeline::Run* next) const override {
    return std::make_unique<Run>(work_, surroundings, next);
  }
  std::string_view match() const override {
    if constexpr (requires { work_.bytes; }) return work_.bytes;
    return {};
  }

 private:
  class Run : public StageRun {
   public:
    Run(const Work& work, const Surroundings& surroundings, Pipeline::Run* next)
        : StageRun(next), work_(work), surroundings_(surroundings) {}
    bool push(std::string_view document, CommandError* error) override {
      return work_.run(document, surroundings_.clock, *next_, error);
    }

   private:
    const Work& work_;
    const Surroundings& surroundings_;
  };
  const Work work_;
};
template <class Work>
std::unique_ptr<Stage> each(Work work) {
  return std::make_unique<EachStage<Work>>(std::move(work));
}

struct Match {
  Filter filter;
  std::string bytes;

  bool run(std::string_view document, const Clock&, Pipeline::Run& next,
           CommandError* error) const {
    MatchDetails details;
    const bool matches = filter.matches(document, &details);
    if (!details.check(error)) return false;
    return !matches || next.push(document, error);
  }
};

struct Project {
  std::unique_ptr<ProjectionTree> tree;

  bool run(std::string_view document, const Clock& clock, Pipeline::Run& next,
           CommandError* error) const {
    std::string out;
    const MatchDetails details;
    if (!tree->apply(document, details, clock, &out, error)) return false;
    return check_made({Type::document, out}, error) && next.push(out, error);
  }
};

struct ReplaceRoot {
  std::unique_ptr<Expression> expression;

  bool run(std::string_view document, const Clock& clock, Pipeline::Run& next,
           CommandError* error) const {
    Scope scope{document_value(document), clock};
    OwnedValue root;
    if (!expression->evaluate(scope, &root, error)) return false;
    if (!root.view().is_document()) {
      return refuse(
          error, location(40228),
          {"'newRoot' expression must evaluate to an object, but resulting value "
           "was: ",
           to_text(root.view()), ". Type of resulting value: '", type_name(root.type()), "'."});
    }
    return check_made(root, error) && next.push(root.bytes(), error);
  }
};

struct Unwind {
  Path path;
  std::string index_name;
  bool keeps_empty = false;

  bool run(std::string_view document, const Clock&, Pipeline::Run& next,
           CommandError* error) const {
    const Value value = plain_value(document, path);
    if (!value.is_array() || is_empty(value.bytes)) {
      const bool is_nothing = value.is_nullish() || value.is_array();
      if (is_nothing && !keeps_empty) return true;
      return pass(document, value.is_array() ? Value() : value, !value.is_array(), -1, next, error);
    }
    bson::Reader reader(value.bytes);
    bson::Element element;
    for (std::int64_t i = 0; reader.next(&element) && next.wants_more(); ++i) {
      if (!pass(document, Value(element), false, i, next, error)) return false;
    }
    return true;
  }

  // `element` takes the place of the array; what is missing takes it away.
  bool pass(std::string_view document, const Value& element, bool as_it_is, std::int64_t index,
            Pipeline::Run& next, CommandError* error) const {
    Node root(document_value(document));
    Node* parent = &root;
    for (std::size_t i = 0; i + 1 < path.size() && parent != nullptr; ++i) {
      parent = parent->is_document() ? parent->find(path[i]) : nullptr;
    }
    if (!as_it_is && parent != nullptr) {
      const std::string& name = path[path.size() - 1];
      if (element.is_missing()) {
        std::erase_if(parent->members(),
                      [&](const Node::Member& member) { return member.name == name; });
      } else if (Node* node = parent->find(name); node != nullptr) {
        *node = Node(element);
      }
    }
    if (!index_name.empty()) put_index(&root, index);
    return next.push(root.view().bytes, error);
  }

  void put_index(Node* root, std::int64_t index) const {
    const Path names(index_name);
    for (std::size_t i = 0; i + 1 < names.size(); ++i) {
      Node* inner = root->find(names[i]);
      if (inner != nullptr && !inner->is_document()) *inner = Node::empty(Type::document);
      root = inner != nullptr ? inner : &root->append(names[i], Node::empty(Type::document));
    }
    Node number = index < 0 ? Node(Value(Type::null, {})) : Node(OwnedValue::int64(index));
    Node* old = root->find(names[names.size() - 1]);
    if (old != nullptr) {
      *old = std::move(number);
    } else {
      root->append(names[names.size() - 1], std::move(number));
    }
  }
};

class Count : public Stage {
 public:
  explicit Count(std::string_view name) : name_(name) {}
  std::unique_ptr<StageRun> start(const Surroundings&, Pipeline::Run* next) const override {
    return std::make_unique<Run>(name_, next);
  }

 private:
  class Run : public StageRun {
   public:
    Run(const std::string& name, Pipeline::Run* next) : StageRun(next), name_(name) {}
    bool push(std::string_view, CommandError*) override {
      ++count_;
      return true;
    }
    bool finish(CommandError* error) override {
      if (count_ > 0) {
        bson::Writer writer;
        const std::size_t root = writer.open();
        write(writer, name_, OwnedValue::integer(count_).view());
        writer.close(root);
        if (!next_->push(writer.bytes(), error)) return false;
      }
      return next_->finish(error);
    }

   private:
    const std::string& name_;
    std::int64_t count_ = 0;
  };
  const std::string name_;
};

// $skip and $limit.
class Window : public Stage {
 public:
  Window(bool skips, std::uint64_t count) : skips_(skips), count_(count) {}
  std::unique_ptr<StageRun> start(const Surroundings&, Pipeline::Run* next) const override {
    return std::make_unique<Run>(skips_, count_, next);
  }
  std::optional<std::uint64_t> limit() const override {
    return skips_ ? std::nullopt : std::optional<std::uint64_t>(count_);
  }
  std::optional<std::uint64_t> skip() const override {
    return skips_ ? std::optional<std::uint64_t>(count_) : std::nullopt;
  }

 private:
  class Run : public StageRun {
   public:
    Run(bool skips, std::uint64_t count, Pipeline::Run* next)
        : StageRun(next), skips_(skips), left_(count) {}
    bool push(std::string_view document, CommandError* error) override {
      const bool passes = (left_ == 0) == skips_;
      if (left_ > 0) --left_;
      return !passes || next_->push(document, error);
    }
    bool wants_more() const override { return (skips_ || left_ > 0) && next_->wants_more(); }

   private:
    const bool skips_;
    std::uint64_t left_;
  };
  const bool skips_;
  const std::uint64_t count_;
};

std::unique_ptr<Stage> parse_match(const Value& spec, CommandError* error) {
  if (!spec.is_document()) {
    refuse(error, location(15959), {"the match filter must be an expression in an object"});
    return nullptr;
  }
  std::optional<Filter> filter = Filter::parse(spec.bytes, error);
  if (!filter) return nullptr;
  return each(Match{std::move(*filter), std::string(spec.bytes)});
}

std::unique_ptr<Stage> parse_project(std::string_view name, const Value& spec,
                                     CommandError* error) {
  if (name == "$unset") {
    std::unique_ptr<ProjectionTree> tree = ProjectionTree::parse_unset(spec, error);
    return tree == nullptr ? nullptr : each(Project{std::move(tree)});
  }
  const bool is_project = name == "$project";
  if (!spec.is_document()) {
    refuse(error, location(is_project ? 15969 : 40272), {name, " specification must be an object"});
    return nullptr;
  }
  std::unique_ptr<ProjectionTree> tree = ProjectionTree::parse(
      spec.bytes,
      is_project ? ProjectionTree::Dialect::project : ProjectionTree::Dialect::add_fields, error);
  return tree == nullptr ? nullptr : each(Project{std::move(tree)});
}

std::unique_ptr<Stage> parse_replace(std::string_view name, const Value& spec,
                                     CommandError* error) {
  Value root = spec;
  if (name == "$replaceRoot") {
    root = spec.is_document() ? field(spec.bytes, "newRoot") : Value();
    if (root.is_missing() || count_elements(spec.bytes) != 1) {
      refuse(error, location(40231),
             {"$replaceRoot takes an object with newRoot, and nothing else: ", to_text(spec)});
      return nullptr;
    }
  }
  std::unique_ptr<Expression> expression = ExpressionParser(error).parse(root);
  return expression == nullptr ? nullptr : each(ReplaceRoot{std::move(expression)});
}

bool take_unwind_option(const bson::Element& element, Unwind* unwind, std::string_view* path,
                        CommandError* error) {
  const Value value(element);
  if (element.key == "path") {
    if (value.type != Type::string) {
      return refuse(
          error, location(28808),
          {"expected a string as the path for $unwind stage, got ", type_name(value.type)});
    }
    *path = value.text();
  } else if (element.key == "preserveNullAndEmptyArrays") {
    if (value.type != Type::boolean) {
      return refuse(error, location(28809),
                    {"expected a boolean for the preserveNullAndEmptyArrays option to $unwind "
                     "stage, got ",
                     type_name(value.type)});
    }
    unwind->keeps_empty = value.boolean();
  } else if (element.key == "includeArrayIndex") {
    if (value.type != Type::string || value.text().empty() || value.text().starts_with('$') ||
        value.text().find('\0') != std::string_view::npos) {
      return refuse(error, location(28810),
                    {"expected a non-empty string without '$' in front for the includeArrayIndex "
                     "option to $unwind stage, got ",
                     to_text(value)});
    }
    unwind->index_name = value.text();
  } else {
    return refuse(error, location(28811), {"unrecognized option to $unwind stage: ", element.key});
  }
  return true;
}

std::unique_ptr<Stage> parse_unwind(const Value& spec, CommandError* error) {
  Unwind unwind;
  std::string_view path;
  if (spec.type == Type::string) {
    path = spec.text();
  } else if (spec.is_document()) {
    bson::Reader reader(spec.bytes);
    bson::Element element;
    while (reader.next(&element)) {
      if (!take_unwind_option(element, &unwind, &path, error)) return nullptr;
    }
  } else {
    refuse(error, location(15981),
           {"expected either a string or an object as specification for $unwind stage, got ",
            type_name(spec.type)});
    return nullptr;
  }
  if (path.empty()) {
    refuse(error, location(28812), {"no path specified to $unwind stage"});
    return nullptr;
  }
  if (!path.starts_with('$') || path.size() < 2) {
    refuse(error, location(28818),
           {"path option to $unwind stage should be prefixed with a '$': ", path});
    return nullptr;
  }
  unwind.path = Path(path.substr(1));
  return each(std::move(unwind));
}

std::unique_ptr<Stage> parse_count(const Value& spec, CommandError* error) {
  const std::string_view name = spec.type == Type::string ? spec.text() : std::string_view();
  if (name.empty()) {
    refuse(error, location(40156), {"the count field must be a non-empty string"});
  } else if (name.starts_with('$')) {
    refuse(error, location(40158), {"the count field cannot be a $-prefixed path"});
  } else if (name.find('\0') != std::string_view::npos) {
    refuse(error, location(40159), {"the count field cannot contain a null byte"});
  } else if (name.find('.') != std::string_view::npos) {
    refuse(error, location(40160), {"the count field cannot contain '.'"});
  } else {
    return std::make_unique<Count>(name);
  }
  return nullptr;
}

std::unique_ptr<Stage> parse_window(bool skips, const Value& spec, CommandError* error) {
  const std::optional<std::int64_t> count = spec.is_number() ? spec.whole_number() : std::nullopt;
  if (count && *count >= (skips ? 0 : 1)) {
    return std::make_unique<Window>(skips, static_cast<std::uint64_t>(*count));
  }
  if (count && *count == 0) {
    refuse(error, location(15958), {"the limit must be positive"});
  } else {
    refuse(error, location(skips ? 5107200 : 5107201),
           {"invalid argument to ", skips ? "$skip" : "$limit", " stage: Expected a ",
            count              ? "non-negative number"
            : spec.is_number() ? "whole number"
                               : "number",
            ", got: ", to_text(spec)});
  }
  return nullptr;
}

}  // namespace

std::unique_ptr<Stage> parse_stage(const bson::Element& element, CommandError* error) {
  const std::string_view name = element.key;
  const Value spec(element);
  if (name == "$match") return parse_match(spec, error);
  if (name == "$project" || name == "$addFields" || name == "$set" || name == "$unset") {
    return parse_project(name, spec, error);
  }
  if (name == "$replaceRoot" || name == "$replaceWith") return parse_replace(name, spec, error);
  if (name == "$unwind") return parse_unwind(spec, error);
  if (name == "$count") return parse_count(spec, error);
  if (name == "$skip" || name == "$limit") return parse_window(name == "$skip", spec, error);
  if (name == "$group") return parse_group(spec, error);
  if (name == "$sortByCount") return parse_sort_by_count(spec, error);
  if (name == "$sort") return parse_sort(spec, error);
  if (name == "$lookup") return parse_lookup(spec, error);
  refuse(error, location(40324), {"Unrecognized pipeline stage name: '", name, "'"});
  return nullptr;
}

}  // namespace runtime::document
