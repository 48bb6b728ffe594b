#include "docstore/document/update.h"

#include <algorithm>

#include "bson/object_id.h"
#include "docstore/document/node.h"
#include "docstore/document/order.h"
#include "docstore/document/path.h"
#include "docstore/document/pipeline.h"
#include "docstore/document/stage.h"
#include "docstore/document/update_plan.h"
#include "docstore/document/update_run.h"

namespace runtime::document {

namespace {

bool check_size(std::string_view document, CommandError* error) {
  if (document.size() > kLargestStoredBytes) {
    return refuse(
        error, location(17419),
        {"Resulting document after update is larger than ", std::to_string(kLargestStoredBytes)});
  }
  return check_storable(document, error);
}

// The document with its _id in front; `id` when it has none.
std::string with_id_first(std::string_view document, const Value& id) {
  bson::Writer writer;
  const std::size_t root = writer.open();
  write(writer, "_id", id);
  bson::Reader reader(document);
  bson::Element element;
  while (reader.next(&element)) {
    if (element.key != "_id") writer.raw(element.type, element.key, element.value);
  }
  writer.close(root);
  return std::string(writer.bytes());
}

// Fills what an upsert takes from its filter.
bool add_equality(const Filter::Equality& equality, Node* root, CommandError* error) {
  Node* node = root;
  const Path path(equality.path);
  for (std::size_t i = 0; i + 1 < path.size(); ++i) {
    Node* next = node->find(path[i]);
    node = next != nullptr ? next : &node->append(path[i], Node::empty(Type::document));
  }
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (!path[i].empty()) continue;
    return refuse(error, Code::empty_field_name,
                  {"The update path '", equality.path,
                   "' contains an empty field name, which is not allowed."});
  }
  node->append(path[path.size() - 1], Node(equality.value.view()));
  return true;
}

bool check_same_id(const Value& before, const Value& after, CommandError* error) {
  if (before.is_missing() || (!after.is_missing() && is_equal(before, after))) return true;
  return refuse(error, Code::immutable_field,
                {"Performing an update on the path '_id' would modify the immutable field '_id'"});
}

}  // namespace

Update::Update(std::unique_ptr<UpdatePlan> plan) : plan_(std::move(plan)) {}
Update::Update(std::unique_ptr<Pipeline> pipeline) : pipeline_(std::move(pipeline)) {}
Update::~Update() = default;
Update::Update(Update&& other) noexcept = default;
Update& Update::operator=(Update&& other) noexcept = default;

std::optional<Update> Update::parse(std::string_view document,
                                    const std::vector<std::string_view>& array_filters,
                                    CommandError* error) {
  std::unique_ptr<UpdatePlan> plan = UpdatePlan::parse(document, array_filters, error);
  if (plan == nullptr) return {};
  return Update(std::move(plan));
}

std::optional<Update> Update::parse_pipeline(std::string_view stages, const Constants* constants,
                                             CommandError* error) {
  bson::Reader reader(stages);
  bson::Element element;
  while (reader.next(&element)) {
    if (element.type != Type::document) continue;  // which is told as in any pipeline
    static constexpr std::string_view kAllowed[] = {"$addFields", "$set",         "$project",
                                                    "$unset",     "$replaceRoot", "$replaceWith"};
    const std::string_view name = first_element(element.value).key;
    if (name.empty() || std::ranges::find(kAllowed, name) != std::end(kAllowed)) continue;
    // One that is none is told as such.
    if (parse_stage(first_element(element.value), constants, error) != nullptr ||
        error->code != location(40324)) {
      refuse(error, Code::invalid_options, {name, " is not allowed to be used within an update"});
    }
    return {};
  }
  std::optional<Pipeline> pipeline = Pipeline::parse(stages, error, constants);
  if (!pipeline) return {};
  return Update(std::make_unique<Pipeline>(std::move(*pipeline)));
}

bool Update::run(std::string_view document, const Clock& clock, std::string* fresh,
                 CommandError* error) const {
  Surroundings surroundings;
  surroundings.clock = clock;
  const auto run =
      pipeline_->start(std::move(surroundings), [fresh](std::string_view result, CommandError*) {
        fresh->assign(result);
        return true;
      });
  return run->push(document, error) && run->finish(error);
}

bool Update::is_replacement() const { return plan_ != nullptr && plan_->is_replacement(); }

Update::Outcome Update::apply(std::string_view document, const MatchDetails& details,
                              const Clock& clock, std::string* fresh, CommandError* error) const {
  const Value id = field(document, "_id");
  if (pipeline_ != nullptr) {
    std::string made;
    if (!run(document, clock, &made, error)) return Outcome::refused;
    const Value own = field(made, "_id");
    if (!own.is_missing() && !check_same_id(id, own, error)) return Outcome::refused;
    *fresh = with_id_first(made, id);
  } else if (plan_->is_replacement()) {
    const Value wanted = field(plan_->replacement(), "_id");
    if (!wanted.is_missing() && !is_equal(wanted, id)) {
      refuse(error, Code::immutable_field,
             {"After applying the update, the (immutable) field '_id' was found to have been "
              "altered to _id: ",
              to_text(wanted)});
      return Outcome::refused;
    }
    *fresh = with_id_first(plan_->replacement(), id);
  } else {
    Node root(document_value(document));
    UpdateRun run(*plan_, UpdateRun::For::existing, document, details, clock, error);
    if (!run.apply(&root)) return Outcome::refused;
    *fresh = root.view().bytes;
    if (!check_same_id(id, field(*fresh, "_id"), error)) return Outcome::refused;
  }
  if (*fresh == document) return Outcome::unchanged;
  return check_size(*fresh, error) ? Outcome::changed : Outcome::refused;
}

bool Update::insert(const Filter& filter, const Clock& clock, std::string* fresh,
                    CommandError* error) const {
  std::vector<Filter::Equality> equalities;
  if (!filter.equalities(&equalities, error)) return false;
  Node root = Node::empty(Type::document);
  for (const Filter::Equality& equality : equalities) {
    const bool is_id = equality.path == "_id";
    if (is_replacement() && !is_id) continue;
    if (!add_equality(equality, &root, error)) return false;
  }
  const std::string wanted(root.view().bytes);
  Value id = field(wanted, "_id");
  if (pipeline_ != nullptr) {
    if (!run(wanted, clock, fresh, error)) return false;
    const Value own = field(*fresh, "_id");
    if (!id.is_missing() && !own.is_missing() && !check_same_id(id, own, error)) return false;
    if (!own.is_missing()) id = own;
  } else if (plan_->is_replacement()) {
    const Value own = field(plan_->replacement(), "_id");
    if (!own.is_missing() && !check_same_id(id, own, error)) return false;
    if (!own.is_missing()) id = own;
    *fresh = plan_->replacement();
  } else {
    const MatchDetails nothing_matched;
    UpdateRun run(*plan_, UpdateRun::For::inserted, wanted, nothing_matched, clock, error);
    if (!run.apply(&root)) return false;
    *fresh = root.view().bytes;
    if (!check_same_id(id, field(*fresh, "_id"), error)) return false;
    id = field(*fresh, "_id");
  }
  OwnedValue made(id);
  if (id.is_missing()) {
    char bytes[bson::kObjectIdBytes];
    bson::make_object_id(bytes);
    made = {Type::object_id, {bytes, sizeof bytes}};
  }
  *fresh = with_id_first(*fresh, made.view());
  return check_size(*fresh, error);
}

}  // namespace runtime::document
