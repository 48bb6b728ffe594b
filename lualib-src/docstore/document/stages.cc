// The stages that look at one document at a time, but for $unwind and $lookup; and $count, $skip and $limit.
#include "docstore/document/each_stage.h"
#include "docstore/document/filter.h"
#include "docstore/document/projection_tree.h"

namespace runtime::document {

namespace {

struct Match {
  Filter filter;

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

std::unique_ptr<Stage> parse_match(const Value& spec, const Constants* constants,
                                   CommandError* error) {
  if (!spec.is_document()) {
    refuse(error, location(15959), {"the match filter must be an expression in an object"});
    return nullptr;
  }
  std::optional<Filter> filter = Filter::parse(spec.bytes, error, constants);
  if (!filter) return nullptr;
  return each(Match{std::move(*filter)});
}

std::unique_ptr<Stage> parse_project(std::string_view name, const Value& spec,
                                     const Constants* constants, CommandError* error) {
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
      is_project ? ProjectionTree::Dialect::project : ProjectionTree::Dialect::add_fields, error,
      constants);
  return tree == nullptr ? nullptr : each(Project{std::move(tree)});
}

std::unique_ptr<Stage> parse_replace(std::string_view name, const Value& spec,
                                     const Constants* constants, CommandError* error) {
  Value root = spec;
  if (name == "$replaceRoot") {
    root = spec.is_document() ? field(spec.bytes, "newRoot") : Value();
    if (root.is_missing() || count_elements(spec.bytes) != 1) {
      refuse(error, location(40231),
             {"$replaceRoot takes an object with newRoot, and nothing else: ", to_text(spec)});
      return nullptr;
    }
  }
  std::unique_ptr<Expression> expression = ExpressionParser(error, constants).parse(root);
  return expression == nullptr ? nullptr : each(ReplaceRoot{std::move(expression)});
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

std::unique_ptr<Stage> parse_stage(const bson::Element& element, const Constants* constants,
                                   CommandError* error) {
  const std::string_view name = element.key;
  const Value spec(element);
  if (name == "$match") return parse_match(spec, constants, error);
  if (name == "$project" || name == "$addFields" || name == "$set" || name == "$unset") {
    return parse_project(name, spec, constants, error);
  }
  if (name == "$replaceRoot" || name == "$replaceWith")
    return parse_replace(name, spec, constants, error);
  if (name == "$unwind") return parse_unwind(spec, error);
  if (name == "$count") return parse_count(spec, error);
  if (name == "$skip" || name == "$limit") return parse_window(name == "$skip", spec, error);
  if (name == "$group") return parse_group(spec, constants, error);
  if (name == "$sortByCount") return parse_sort_by_count(spec, constants, error);
  if (name == "$sort") return parse_sort(spec, error);
  if (name == "$lookup") return parse_lookup(spec, constants, error);
  if (name == "$changeStream") {
    refuse(error, location(40573), {"The $changeStream stage is only supported on replica sets"});
    return nullptr;
  }
  refuse(error, location(40324), {"Unrecognized pipeline stage name: '", name, "'"});
  return nullptr;
}

}  // namespace runtime::document
