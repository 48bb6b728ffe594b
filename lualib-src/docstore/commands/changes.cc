#include "docstore/commands/changes.h"

#include <algorithm>

#include "bson/object_id.h"
#include "docstore/document/constants.h"

namespace runtime::docstore {

namespace {

// With the _id in front. `document` itself when it is so already.
std::string_view with_id_first(std::string_view document, std::string* buffer) {
  if (document::first_element(document).key == "_id") return document;
  bson::Writer writer;
  const std::size_t root = writer.open();
  const Value id = document::field(document, "_id");
  if (id.is_missing()) {
    char fresh[bson::kObjectIdBytes];
    bson::make_object_id(fresh);
    writer.raw(bson::Type::object_id, "_id", {fresh, sizeof fresh});
  } else {
    writer.raw(id.type, "_id", id.bytes);
  }
  bson::Reader reader(document);
  bson::Element element;
  while (reader.next(&element)) {
    if (element.value.data() != id.bytes.data() || element.key != "_id")
      writer.raw(element.type, element.key, element.value);
  }
  writer.close(root);
  buffer->assign(writer.bytes());
  return *buffer;
}

bool is_same_but_for_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return a != b && std::ranges::equal(a, b, {}, lower, lower);
}

// A server's own collections begin with "system."; of two databases one name must not be taken for the other.
bool check_new_name(Context& context, std::string_view name, CommandError* error) {
  if (name.starts_with("system.") && name != "system.js") {
    return refuse(error, Code::invalid_namespace,
                  {"Invalid system namespace: ", context.database, ".", name});
  }
  for (const auto& collection : context.engine.catalogue.collections()) {
    if (!is_same_but_for_case(collection->database(), context.database)) continue;
    return refuse(error, Code::database_differs_in_case,
                  {"db already exists with different case already have: [", collection->database(),
                   "] trying to create [", context.database, "]"});
  }
  return true;
}

}  // namespace

Collection* make_collection(Context& context, std::string_view name, CommandError* error) {
  if (!check_new_name(context, name, error)) return nullptr;
  Catalogue& catalogue = context.engine.catalogue;
  Collection* const made = catalogue.create(context.database, name, empty_document());
  if (made == nullptr) context.refuse_storage();
  return made;
}

Collection* collection_to_write(Context& context, std::string_view name, CommandError* error) {
  Collection* const found = context.engine.catalogue.find(context.database, name);
  return found != nullptr ? found : make_collection(context, name, error);
}

bool insert_document(Collection& collection, std::string_view document, std::string* stored,
                     std::optional<WriteFault>* fault, CommandError* error) {
  std::string buffer;
  document = with_id_first(document, &buffer);
  if (!document::check_storable(document, error)) return false;
  const bson::Element first = document::first_element(document);
  *fault = collection.insert(document, first);
  if (*fault) return false;
  if (stored != nullptr) stored->assign(document);
  return true;
}

namespace {

bool parse_pipeline(const Value& update, const Value& constants, document::Constants all,
                    std::optional<document::Update>* out, CommandError* error) {
  if (!constants.is_nullish() && !constants.is_document()) {
    return refuse(error, Code::type_mismatch, {"BSON field 'update.updates.c' must be an object"});
  }
  bson::Reader reader(constants.is_document() ? constants.bytes : empty_document());
  bson::Element element;
  while (reader.next(&element)) {
    if (!document::check_variable_name(element.key, error)) return false;
    all.set(element.key, document::OwnedValue(Value(element)));
  }
  *out = document::Update::parse_pipeline(update.bytes, &all, error);
  return out->has_value();
}

}  // namespace

bool parse_update(const Value& update, const Value& array_filters, const Value& constants,
                  const document::Constants& let, std::optional<document::Update>* out,
                  CommandError* error) {
  std::vector<std::string_view> filters;
  if (array_filters.is_array()) {
    bson::Reader reader(array_filters.bytes);
    bson::Element element;
    while (reader.next(&element)) {
      if (element.type != bson::Type::document) {
        return refuse(error, Code::type_mismatch, {"arrayFilters must be an array of objects"});
      }
      filters.push_back(element.value);
    }
  } else if (!array_filters.is_nullish()) {
    return refuse(error, Code::type_mismatch, {"arrayFilters must be an array of objects"});
  }
  if (update.is_array()) {
    if (!array_filters.is_nullish()) {
      return refuse(error, Code::failed_to_parse,
                    {"arrayFilters may not be specified for pipeline-style updates"});
    }
    return parse_pipeline(update, constants, let, out, error);
  }
  if (!constants.is_nullish()) {
    return refuse(error, document::location(51198),
                  {"Constant values may only be specified for pipeline updates"});
  }
  if (!update.is_document()) {
    return refuse(error, Code::failed_to_parse,
                  {"Update argument must be either an object or an array"});
  }
  *out = document::Update::parse(update.bytes, filters, error);
  return out->has_value();
}

bool check_upsert(const Change& change, CommandError* error) {
  return !change.upsert || !change.filter.has_expression() ||
         refuse(error, Code::query_feature_not_allowed,
                {"$expr is not allowed in the query predicate for an upsert"});
}

bool update_document(Collection& collection, std::int64_t number, const std::string& old,
                     const Change& change, const document::Clock& clock, Changed* changed,
                     std::string* fresh, std::optional<WriteFault>* fault, CommandError* error) {
  document::MatchDetails details;
  change.filter.matches(old, &details);  // it does: asked for the position
  switch (change.update->apply(old, details, clock, fresh, error)) {
    case document::Update::Outcome::refused: return false;
    case document::Update::Outcome::unchanged:
      *fresh = old;
      ++changed->matched;
      return true;
    case document::Update::Outcome::changed: break;
  }
  if (!document::check_storable(*fresh, error)) return false;
  *fault = collection.replace(number, old, *fresh);
  if (*fault) return false;
  ++changed->matched;
  ++changed->modified;
  return true;
}

bool upsert_document(Collection& collection, const Change& change, const document::Clock& clock,
                     Changed* changed, std::string* fresh, std::optional<WriteFault>* fault,
                     CommandError* error) {
  std::string made;
  if (!change.update->insert(change.filter, clock, &made, error) ||
      !insert_document(collection, made, fresh, fault, error)) {
    return false;
  }
  changed->upserted = document::OwnedValue(Value(document::first_element(*fresh)));
  return true;
}

}  // namespace runtime::docstore
