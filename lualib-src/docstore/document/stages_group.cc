// $group, $sortByCount and $sort: the stages that keep documents back.
#include <algorithm>
#include <unordered_map>

#include "docstore/document/accumulator.h"
#include "docstore/document/key.h"
#include "docstore/document/sort.h"
#include "docstore/document/stage.h"

namespace runtime::document {

namespace {

constexpr std::size_t kMostGroupBytes = Sorter::kMostBytes;

struct GroupField {
  std::string name, accumulator;
  std::unique_ptr<Expression> expression;
};

class GroupRun : public StageRun {
 public:
  GroupRun(const Expression& id, const std::vector<GroupField>& fields, bool by_count,
           const Clock& clock, Pipeline::Run* next)
      : StageRun(next), id_(id), fields_(fields), by_count_(by_count), clock_(clock) {}

  bool push(std::string_view document, CommandError* error) override {
    Scope scope{document_value(document), clock_};
    OwnedValue id;
    if (!id_.evaluate(scope, &id, error)) return false;
    if (id.view().is_missing()) id = OwnedValue::null();
    Group& group = group_of(id);
    for (std::size_t i = 0; i < fields_.size(); ++i) {
      OwnedValue value;
      if (!fields_[i].expression->evaluate(scope, &value, error)) return false;
      Accumulator& accumulator = *group.accumulators[i];
      const std::size_t before = accumulator.bytes();
      if (!accumulator.add(value.view(), error)) return false;
      bytes_ += accumulator.bytes() - before;
    }
    if (bytes_ <= kMostGroupBytes) return true;
    return refuse(error, Code::query_exceeded_memory_limit,
                  {"Exceeded memory limit for $group, but didn't allow external sort. Pass "
                   "allowDiskUse:true to opt in."});
  }

  // A group needs all documents, whatever is wanted of it.
  bool wants_more() const override { return true; }

  bool finish(CommandError* error) override {
    std::vector<std::string> documents;
    for (Group& group : groups_) {
      bson::Writer writer;
      const std::size_t root = writer.open();
      write(writer, "_id", group.id.view());
      for (std::size_t i = 0; i < fields_.size(); ++i) {
        write(writer, fields_[i].name, group.accumulators[i]->result().view());
      }
      writer.close(root);
      if (!check_made({Type::document, std::string(writer.bytes())}, error)) return false;
      documents.emplace_back(writer.bytes());
    }
    if (by_count_) {
      const auto count = [](const std::string& group) { return -field(group, "count").integer(); };
      std::ranges::stable_sort(documents, {}, count);
    }
    for (const std::string& document : documents) {
      if (!next_->wants_more()) break;
      if (!next_->push(document, error)) return false;
    }
    return next_->finish(error);
  }

 private:
  struct Group {
    OwnedValue id;
    std::vector<std::unique_ptr<Accumulator>> accumulators;
  };

  Group& group_of(const OwnedValue& id) {
    const auto [place, is_new] = places_.emplace(key_of(id.view()), groups_.size());
    if (!is_new) return groups_[place->second];
    Group& group = groups_.emplace_back();
    group.id = id;
    for (const GroupField& field : fields_) {
      group.accumulators.push_back(make_accumulator(field.accumulator));
      bytes_ += group.accumulators.back()->bytes();
    }
    bytes_ += place->first.size() + id.bytes().size() + 128;
    return group;
  }

  const Expression& id_;
  const std::vector<GroupField>& fields_;
  const bool by_count_;
  const Clock& clock_;
  std::vector<Group> groups_;  // in the order they were met
  std::unordered_map<std::string, std::size_t> places_;
  std::size_t bytes_ = 0;
};

class GroupStage : public Stage {
 public:
  GroupStage(std::unique_ptr<Expression> id, std::vector<GroupField> fields, bool by_count)
      : id_(std::move(id)), fields_(std::move(fields)), by_count_(by_count) {}
  std::unique_ptr<StageRun> start(const Surroundings& surroundings,
                                  Pipeline::Run* next) const override {
    return std::make_unique<GroupRun>(*id_, fields_, by_count_, surroundings.clock, next);
  }

 private:
  const std::unique_ptr<Expression> id_;
  const std::vector<GroupField> fields_;
  const bool by_count_;
};

class SortStage : public Stage {
 public:
  explicit SortStage(SortPattern pattern) : pattern_(std::move(pattern)) {}
  std::unique_ptr<StageRun> start(const Surroundings&, Pipeline::Run* next) const override {
    return std::make_unique<Run>(pattern_, limit_, next);
  }
  void cut(std::uint64_t limit) override { limit_ = limit; }

 private:
  class Run : public StageRun {
   public:
    Run(const SortPattern& pattern, std::uint64_t limit, Pipeline::Run* next)
        : StageRun(next), sorter_(pattern, limit) {}
    bool push(std::string_view document, CommandError* error) override {
      return sorter_.add(document, 0, error);
    }
    bool wants_more() const override { return true; }
    bool finish(CommandError* error) override {
      for (const Sorter::Item& item : sorter_.take()) {
        if (!next_->wants_more()) break;
        if (!next_->push(item.document, error)) return false;
      }
      return next_->finish(error);
    }

   private:
    Sorter sorter_;
  };
  const SortPattern pattern_;
  std::uint64_t limit_ = 0;
};

bool parse_field(const bson::Element& element, const Constants* constants,
                 std::vector<GroupField>* out, CommandError* error) {
  if (element.key.find('.') != std::string_view::npos) {
    return refuse(error, location(40235),
                  {"The field name '", element.key, "' cannot contain '.'"});
  }
  if (element.key.starts_with('$')) {
    return refuse(error, location(40236),
                  {"The field name '", element.key, "' cannot be an operator name"});
  }
  const bson::Element inner = element.type == Type::document ? first_element(element.value)
                                                             : bson::Element{kMissing, {}, {}};
  if (!inner.key.starts_with('$')) {
    return refuse(error, location(40234),
                  {"The field '", element.key, "' must be an accumulator object"});
  }
  if (count_elements(element.value) != 1) {
    return refuse(error, location(40238),
                  {"The field '", element.key, "' must specify one accumulator"});
  }
  GroupField field{std::string(element.key), std::string(inner.key), nullptr};
  Value argument(inner);
  const OwnedValue one = OwnedValue::int32(1);
  if (inner.key == "$count") {
    if (inner.type != Type::document || !is_empty(inner.value)) {
      return refuse(error, Code::type_mismatch, {"$count takes no arguments, i.e. $count:{}"});
    }
    field.accumulator = "$sum";
    argument = one.view();
  } else if (make_accumulator(inner.key) == nullptr) {
    return refuse(error, location(15952), {"unknown group operator '", inner.key, "'"});
  }
  if (argument.is_array()) {
    return refuse(error, location(40237), {"The ", inner.key, " accumulator is a unary operator"});
  }
  field.expression = ExpressionParser(error, constants).parse(argument);
  if (field.expression == nullptr) return false;
  out->push_back(std::move(field));
  return true;
}

}  // namespace

std::unique_ptr<Stage> parse_group(const Value& spec, const Constants* constants,
                                   CommandError* error) {
  if (!spec.is_document()) {
    refuse(error, location(15947), {"a group's fields must be specified in an object"});
    return nullptr;
  }
  std::unique_ptr<Expression> id;
  std::vector<GroupField> fields;
  bson::Reader reader(spec.bytes);
  bson::Element element;
  while (reader.next(&element)) {
    if (element.key != "_id") {
      if (!parse_field(element, constants, &fields, error)) return nullptr;
      continue;
    }
    id = ExpressionParser(error, constants).parse(Value(element));
    if (id == nullptr) return nullptr;
  }
  if (id == nullptr) {
    refuse(error, location(15955), {"a group specification must include an _id"});
    return nullptr;
  }
  return std::make_unique<GroupStage>(std::move(id), std::move(fields), false);
}

std::unique_ptr<Stage> parse_sort_by_count(const Value& spec, const Constants* constants,
                                           CommandError* error) {
  const bool is_field = spec.type == Type::string && spec.text().starts_with('$');
  const bool is_operator = spec.is_document() && first_element(spec.bytes).key.starts_with('$');
  if (!is_field && !is_operator) {
    refuse(error, location(40148),
           {"the sortByCount field must be defined as a $-prefixed path or an expression "
            "inside an object"});
    return nullptr;
  }
  std::unique_ptr<Expression> id = ExpressionParser(error, constants).parse(spec);
  if (id == nullptr) return nullptr;
  std::vector<GroupField> fields;
  fields.push_back({"count", "$sum", ExpressionParser(error).parse(OwnedValue::int32(1).view())});
  return std::make_unique<GroupStage>(std::move(id), std::move(fields), true);
}

std::unique_ptr<Stage> parse_sort(const Value& spec, CommandError* error) {
  if (!spec.is_document()) {
    refuse(error, location(15973), {"the $sort key specification must be an object"});
    return nullptr;
  }
  std::optional<SortPattern> pattern = SortPattern::parse(spec.bytes, error);
  if (!pattern) return nullptr;
  if (pattern->parts().empty()) {
    refuse(error, location(15976), {"$sort stage must have at least one sort key"});
    return nullptr;
  }
  return std::make_unique<SortStage>(std::move(*pattern));
}

}  // namespace runtime::document
