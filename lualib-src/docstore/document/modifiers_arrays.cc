// $push, $pull, $pullAll, $addToSet and $pop.
#include <algorithm>
#include <unordered_set>

#include "docstore/document/key.h"
#include "docstore/document/modifier.h"
#include "docstore/document/order.h"
#include "docstore/document/push_order.h"

namespace runtime::document {

namespace {

std::vector<OwnedValue> values_of(std::string_view array) {
  std::vector<OwnedValue> out;
  bson::Reader reader(array);
  bson::Element element;
  while (reader.next(&element)) out.emplace_back(Value(element));
  return out;
}

// {$each: [...]} or a value.
bool has_each(const bson::Element& field) {
  return field.type == Type::document && !document::field(field.value, "$each").is_missing();
}

class Push : public Modifier {
 public:
  // Null: refused.
  static std::unique_ptr<Push> parse(const bson::Element& field, CommandError* error) {
    auto push = std::make_unique<Push>();
    if (!has_each(field)) {
      push->values_.emplace_back(Value(field));
      return push;
    }
    bson::Reader reader(field.value);
    bson::Element clause;
    while (reader.next(&clause)) {
      if (!push->add_clause(clause, error)) return nullptr;
    }
    return push;
  }

  Effect change(Node* node, const Circumstances& at) const override {
    if (!node->is_array()) {
      return at.refuse(Code::bad_value,
                       {"The field '", at.name, "' must be an array but is of type ",
                        type_name(node->type()), " in document ", at.id_text()});
    }
    const std::string before(node->view().bytes);
    push(&node->members());
    return node->view().bytes == before ? Effect::none : Effect::changed;
  }
  Effect make(Node* node, const Circumstances&) const override {
    *node = Node::empty(Type::array);
    push(&node->members());
    return Effect::changed;
  }

 private:
  bool add_clause(const bson::Element& clause, CommandError* error) {
    const Value value(clause);
    if (clause.key == "$each") {
      if (!value.is_array()) {
        return refuse(error, Code::bad_value,
                      {"The argument to $each in $push must be an array but it was of type: ",
                       type_name(value.type)});
      }
      values_ = values_of(value.bytes);
      return true;
    }
    if (clause.key == "$slice" || clause.key == "$position") {
      const std::optional<std::int64_t> number =
          value.is_number() ? value.whole_number() : std::nullopt;
      if (!number) {
        return refuse(error, Code::bad_value,
                      {"The value for ", clause.key,
                       " must be an integer value but was given type: ", type_name(value.type)});
      }
      (clause.key == "$slice" ? slice_ : position_) = *number;
      return true;
    }
    if (clause.key == "$sort") {
      order_ = PushOrder::parse(value, error);
      return order_.has_value();
    }
    return refuse(error, Code::bad_value, {"Unrecognized clause in $push: ", clause.key});
  }

  void push(std::vector<Node::Member>* members) const {
    const auto count = static_cast<std::int64_t>(members->size());
    std::int64_t at = position_.value_or(count);
    // From the end, when it is below 0; and within the array.
    if (at < 0) at = std::max<std::int64_t>(0, at + count);
    at = std::min(at, count);
    std::vector<Node::Member> fresh;
    for (const OwnedValue& value : values_) fresh.push_back({"", Node(value.view())});
    members->insert(members->begin() + at, std::make_move_iterator(fresh.begin()),
                    std::make_move_iterator(fresh.end()));
    if (order_) order_->sort(members);
    if (slice_) keep(*slice_, members);
  }

  // The first so many, or the last.
  static void keep(std::int64_t slice, std::vector<Node::Member>* members) {
    const auto count = static_cast<std::int64_t>(members->size());
    if (slice >= count || slice <= -count) {
      if (slice != 0) return;
    }
    if (slice >= 0) {
      members->erase(members->begin() + slice, members->end());
    } else {
      members->erase(members->begin(), members->end() + slice);
    }
  }

  std::vector<OwnedValue> values_;
  std::optional<std::int64_t> slice_, position_;
  std::optional<PushOrder> order_;
};

class AddToSet : public Modifier {
 public:
  explicit AddToSet(std::vector<OwnedValue> values) : values_(std::move(values)) {}

  Effect change(Node* node, const Circumstances& at) const override {
    if (!node->is_array()) {
      return at.refuse(Code::bad_value,
                       {"Cannot apply $addToSet to non-array field. Field named '", at.name,
                        "' has non-array type ", type_name(node->type())});
    }
    std::unordered_set<std::string> keys;
    for (Node::Member& member : node->members()) keys.insert(key_of(member.node.view()));
    Effect effect = Effect::none;
    for (const OwnedValue& value : values_) {
      if (!keys.insert(key_of(value.view())).second) continue;
      node->append("", Node(value.view()));
      effect = Effect::changed;
    }
    return effect;
  }
  Effect make(Node* node, const Circumstances& at) const override {
    *node = Node::empty(Type::array);
    change(node, at);
    return Effect::changed;
  }

 private:
  const std::vector<OwnedValue> values_;
};

// $pull and $pullAll: takes away the elements that `pulls` names.
class Take : public Modifier {
 public:
  Effect change(Node* node, const Circumstances& at) const override {
    if (!node->is_array())
      return at.refuse(Code::bad_value, {"Cannot apply $pull to a non-array value"});
    MatchDetails details;
    const std::size_t count = std::erase_if(
        node->members(), [&](Node::Member& member) { return pulls(member.node.view(), &details); });
    if (!details.check(at.error)) return Effect::refused;
    return count == 0 ? Effect::none : Effect::changed;
  }
  bool creates() const override { return false; }

 protected:
  virtual bool pulls(const Value& element, MatchDetails* details) const = 0;
};

class PullEqual : public Take {
 public:
  explicit PullEqual(const std::vector<OwnedValue>& values) {
    for (const OwnedValue& value : values) keys_.insert(key_of(value.view()));
  }

 private:
  bool pulls(const Value& element, MatchDetails*) const override {
    return keys_.contains(key_of(element));
  }

  std::unordered_set<std::string> keys_;
};

class PullMatching : public Take {
 public:
  enum class Of { documents, wrapped };
  PullMatching(Of of, Filter filter) : of_(of), filter_(std::move(filter)) {}

 private:
  bool pulls(const Value& element, MatchDetails* details) const override {
    MatchDetails one;
    bool result = false;
    if (of_ == Of::documents) {
      result = element.is_document() && filter_.matches(element.bytes, &one);
    } else {
      bson::Writer writer;
      const std::size_t root = writer.open();
      write(writer, "", element);
      writer.close(root);
      result = filter_.matches(writer.bytes(), &one);
    }
    details->take_faults(&one);
    return result && !details->has_failed();
  }

  const Of of_;
  const Filter filter_;
};

std::unique_ptr<Modifier> make_pull(const bson::Element& field, CommandError* error) {
  const Value value(field);
  const std::string_view key = value.is_document() ? first_element(value.bytes).key : "";
  // What stands at the top of a filter is asked of the documents in the array.
  static constexpr std::string_view kOfDocuments[] = {"$and", "$or", "$nor", "$expr",
                                                      "$ref", "$id", "$db"};
  const bool is_operators =
      key.starts_with('$') && std::ranges::find(kOfDocuments, key) == std::end(kOfDocuments);
  if (value.is_document() && !is_operators) {
    std::optional<Filter> filter = Filter::parse(value.bytes, error);
    if (!filter) return nullptr;
    if (filter->has_expression()) {
      refuse(error, Code::query_feature_not_allowed, {"$expr is not allowed in this context"});
      return nullptr;
    }
    return std::make_unique<PullMatching>(PullMatching::Of::documents, std::move(*filter));
  }
  if (!is_operators && value.type != Type::regex) {
    std::vector<OwnedValue> values;
    values.emplace_back(value);
    return std::make_unique<PullEqual>(values);
  }
  // An element is asked like a field, so that operators look into arrays.
  bson::Writer writer;
  const std::size_t root = writer.open();
  write(writer, "", value);
  writer.close(root);
  std::optional<Filter> filter = Filter::parse(writer.bytes(), error);
  if (!filter) return nullptr;
  return std::make_unique<PullMatching>(PullMatching::Of::wrapped, std::move(*filter));
}

class Pop : public Modifier {
 public:
  explicit Pop(bool first) : first_(first) {}

  Effect change(Node* node, const Circumstances& at) const override {
    if (!node->is_array()) {
      return at.refuse(Code::type_mismatch,
                       {"Path '", at.name, "' contains an element of non-array type '",
                        type_name(node->type()), "'"});
    }
    std::vector<Node::Member>& members = node->members();
    if (members.empty()) return Effect::none;
    members.erase(first_ ? members.begin() : members.end() - 1);
    return Effect::changed;
  }
  bool creates() const override { return false; }

 private:
  const bool first_;
};

std::unique_ptr<Modifier> make_add_to_set(const bson::Element& field, CommandError* error) {
  std::vector<OwnedValue> values;
  const bool is_each = field.type == Type::document && first_element(field.value).key == "$each";
  if (!is_each) {
    values.emplace_back(Value(field));
    return std::make_unique<AddToSet>(std::move(values));
  }
  const bson::Element each = first_element(field.value);
  if (each.type != Type::array) {
    refuse(error, Code::type_mismatch,
           {"The argument to $each in $addToSet must be an array but it was of type ",
            type_name(each.type)});
    return nullptr;
  }
  if (count_elements(field.value) > 1) {
    refuse(error, Code::bad_value,
           {"Found unexpected fields after $each in $addToSet: ", to_text(Value(field))});
    return nullptr;
  }
  return std::make_unique<AddToSet>(values_of(each.value));
}

}  // namespace

std::unique_ptr<Modifier> make_array_modifier(std::string_view name, const bson::Element& field,
                                              CommandError* error) {
  if (name == "$push") return Push::parse(field, error);
  if (name == "$pull") return make_pull(field, error);
  if (name == "$addToSet") return make_add_to_set(field, error);
  if (name == "$pullAll") {
    if (field.type == Type::array) return std::make_unique<PullEqual>(values_of(field.value));
    refuse(error, Code::bad_value,
           {"$pullAll requires an array argument but was given a ", type_name(field.type)});
    return nullptr;
  }
  const Value end(field);
  const std::optional<std::int64_t> number = end.is_number() ? end.whole_number() : std::nullopt;
  if (number && (*number == 1 || *number == -1)) return std::make_unique<Pop>(*number == -1);
  refuse(error, Code::failed_to_parse, {"$pop expects 1 or -1, found: ", to_text(end)});
  return nullptr;
}

}  // namespace runtime::document
