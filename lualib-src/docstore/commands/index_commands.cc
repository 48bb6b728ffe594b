// createIndexes, listIndexes, dropIndexes, collMod.
#include <algorithm>
#include <deque>
#include <string>
#include <vector>

#include "docstore/commands/batch.h"
#include "docstore/commands/changes.h"
#include "docstore/commands/handlers.h"
#include "docstore/commands/write_errors.h"
#include "docstore/document/order.h"

namespace runtime::docstore {

namespace {

constexpr std::size_t kMostIndexes = 64;

bool is_id_key(std::string_view key) {
  const bson::Element first = document::first_element(key);
  return first.key == "_id" && document::count_elements(key) == 1;
}

std::int32_t index_count(const Collection& collection) {
  return static_cast<std::int32_t>(collection.indexes().size() + 1);
}

// What tells two indexes from each other; the other options only belong to one.
bool is_same_index(const IndexSpec& a, const IndexSpec& b) {
  const auto partial = [](const IndexSpec& spec) {
    return document::field(spec.document, "partialFilterExpression");
  };
  return a.unique == b.unique && a.sparse == b.sparse && a.paths.size() == b.paths.size() &&
         a.is_place == b.is_place && document::is_identical(partial(a), partial(b)) &&
         std::equal(a.paths.begin(), a.paths.end(), b.paths.begin(),
                    [](const IndexPath& x, const IndexPath& y) {
                      return x.path == y.path && x.descending == y.descending;
                    });
}

// *exists: there is this very index. False: refused, as another one has its name, or is the same by another one.
bool look_for_same(const Collection& collection, const IndexSpec& spec, bool* exists,
                   CommandError* error) {
  for (const auto& index : collection.indexes()) {
    const IndexSpec& other = index->spec();
    const bool is_same = is_same_index(other, spec);
    const bool has_same_options = other.expire_after_seconds == spec.expire_after_seconds;
    if (other.name != spec.name && !is_same) continue;
    if (other.name == spec.name && is_same && has_same_options) {
      *exists = true;
      return true;
    }
    const std::string requested = document::to_text(document::document_value(spec.document)),
                      existing = document::to_text(document::document_value(other.document));
    if (!is_same) {
      return refuse(
          error, Code::index_key_specs_conflict,
          {"An existing index has the same name as the requested index. When index names are not "
           "specified, they are auto generated and can cause conflicts. Please refer to our "
           "documentation. Requested index: ",
           requested, ", existing index: ", existing});
    }
    if (has_same_options) {
      return refuse(error, Code::index_options_conflict,
                    {"Index already exists with a different name: ", other.name});
    }
    return refuse(error, Code::index_options_conflict,
                  {"An equivalent index already exists with ",
                   other.name == spec.name ? "the same name but different options"
                                           : "a different name and options",
                   ". Requested index: ", requested, ", existing index: ", existing});
  }
  return true;
}

// That of the _id is always there; nothing of it can be chosen.
bool check_id_index(std::string_view document, CommandError* error) {
  bson::Reader reader(document);
  bson::Element element;
  while (reader.next(&element)) {
    static constexpr std::string_view kKnown[] = {"key",       "name",       "v",
                                                  "collation", "background", "ns"};
    if (std::ranges::find(kKnown, element.key) != std::end(kKnown)) continue;
    return refuse(error, Code::invalid_index_specification_option,
                  {"The field '", element.key,
                   "' is not valid for an _id index specification. Specification: ",
                   document::to_text(document::document_value(document))});
  }
  return true;
}

bool create_one(Context& context, Collection& collection, std::string_view document) {
  auto spec = parse_index(document, context.error);
  if (!spec) return false;
  if (is_id_key(spec->key)) return check_id_index(document, context.error);
  if (spec->name == "_id_") {
    return refuse(context.error, Code::bad_value,
                  {"The index name '_id_' is reserved for the _id index, which must have key "
                   "pattern {_id: 1}, found key: ",
                   document::to_text(document::document_value(spec->key))});
  }
  bool exists = false;
  if (!look_for_same(collection, *spec, &exists, context.error)) return false;
  if (exists) return true;
  if (collection.indexes().size() + 1 >= kMostIndexes) {
    return refuse(context.error, Code::cannot_create_index,
                  {"add index fails, too many indexes for ", collection.full_name(),
                   " key:", document::to_text(document::document_value(spec->key))});
  }
  Index* const index = context.engine.catalogue.create_index(collection, *spec);
  if (index == nullptr) return context.refuse_storage();
  if (const auto fault = collection.fill(*index)) return refuse_fault(context, *fault);
  return true;
}

bool drop_one(Context& context, Collection& collection, Index* index) {
  return context.engine.catalogue.drop_index(collection, index) || context.refuse_storage();
}

bool drop_named(Context& context, Collection& collection, std::string_view name) {
  if (name == "_id_")
    return refuse(context.error, Code::invalid_options, {"cannot drop _id index"});
  Index* const index = collection.index(name);
  if (index == nullptr)
    return refuse(context.error, Code::index_not_found, {"index not found with name [", name, "]"});
  return drop_one(context, collection, index);
}

bool drop_with_key(Context& context, Collection& collection, std::string_view key) {
  if (is_id_key(key))
    return refuse(context.error, Code::invalid_options, {"cannot drop _id index"});
  Index* found = nullptr;
  for (const auto& index : collection.indexes()) {
    if (!document::is_equal(document::document_value(index->spec().key),
                            document::document_value(key))) {
      continue;
    }
    if (found != nullptr) {
      return refuse(
          context.error, Code::ambiguous_index_key_pattern,
          {"several indexes found for key: ", document::to_text(document::document_value(key)),
           ", identify by name instead. Conflicting indexes: ", found->spec().name, ", ",
           index->spec().name});
    }
    found = index.get();
  }
  if (found != nullptr) return drop_one(context, collection, found);
  return refuse(context.error, Code::index_not_found,
                {"can't find index with key: ", document::to_text(document::document_value(key))});
}

bool no_collection(Context& context, std::string_view name) {
  return refuse(context.error, Code::namespace_not_found,
                {"ns does not exist: ", context.database, ".", name});
}

}  // namespace

bool run_create_indexes(Context& context) {
  std::string_view name;
  std::vector<std::string_view> specs;
  if (!context.collection_name(&name) || !context.take_documents("indexes", &specs)) return false;
  if (specs.empty())
    return refuse(context.error, Code::bad_value, {"Must specify at least one index to create"});
  const bool made = context.engine.catalogue.find(context.database, name) == nullptr;
  Collection* const collection = collection_to_write(context, name, context.error);
  if (collection == nullptr) return false;
  const std::int32_t before = index_count(*collection);
  for (const std::string_view spec : specs) {
    if (!create_one(context, *collection, spec)) return false;
  }
  context.reply.int32("numIndexesBefore", before);
  context.reply.int32("numIndexesAfter", index_count(*collection));
  context.reply.boolean("createdCollectionAutomatically", made);
  if (before == index_count(*collection)) context.reply.string("note", "all indexes already exist");
  return true;
}

bool run_list_indexes(Context& context) {
  std::string_view name;
  if (!context.collection_name(&name)) return false;
  const Collection* const collection = context.engine.catalogue.find(context.database, name);
  if (collection == nullptr) return no_collection(context, name);
  std::deque<std::string> list{id_index_document()};
  for (const auto& index : collection->indexes()) list.push_back(index->spec().document);
  return answer_documents(context, collection->full_name(), std::move(list));
}

bool run_drop_indexes(Context& context) {
  std::string_view name;
  if (!context.collection_name(&name)) return false;
  Collection* const collection = context.engine.catalogue.find(context.database, name);
  if (collection == nullptr) return no_collection(context, name);
  const Value which = context.argument("index");
  const std::int32_t before = index_count(*collection);
  bool good = true;
  if (which.type == bson::Type::string && which.text() == "*") {
    while (good && !collection->indexes().empty())
      good = drop_one(context, *collection, collection->indexes().back().get());
    if (good) context.reply.string("msg", "non-_id indexes dropped for collection");
  } else if (which.type == bson::Type::string) {
    good = drop_named(context, *collection, which.text());
  } else if (which.is_document()) {
    good = drop_with_key(context, *collection, which.bytes);
  } else if (which.is_array()) {
    bson::Reader reader(which.bytes);
    bson::Element element;
    while (good && reader.next(&element)) {
      if (element.type != bson::Type::string)
        return refuse(context.error, Code::type_mismatch, {"dropIndexes: names must be strings"});
      good = drop_named(context, *collection, Value(element).text());
    }
  } else {
    return refuse(context.error,
                  which.is_missing() ? document::location(40414) : Code::type_mismatch,
                  {"BSON field 'dropIndexes.index' must be a name, names, or keys"});
  }
  if (!good) return false;
  context.reply.int32("nIndexesWas", before);
  return true;
}

// { index: { name or keyPattern, expireAfterSeconds } }: the one thing of an index that may be changed here.
bool run_coll_mod(Context& context) {
  std::string_view name, change;
  if (!context.collection_name(&name) || !context.take_document("index", &change)) return false;
  Collection* const collection = context.engine.catalogue.find(context.database, name);
  if (collection == nullptr) return no_collection(context, name);
  if (change.empty()) return true;
  const Value index_name = document::field(change, "name"),
              key = document::field(change, "keyPattern");
  const Value seconds = document::field(change, "expireAfterSeconds");
  Index* index = nullptr;
  for (const auto& one : collection->indexes()) {
    const bool is_named =
        index_name.type == bson::Type::string && one->spec().name == index_name.text();
    if (is_named ||
        (key.is_document() && document::is_equal(key, document::document_value(one->spec().key))))
      index = one.get();
  }
  if (index == nullptr)
    return refuse(context.error, Code::index_not_found, {"cannot find index for collMod"});
  if (seconds.is_missing()) {
    return refuse(context.error, Code::not_implemented,
                  {"collMod changes nothing of an index but expireAfterSeconds here"});
  }
  bson::Writer writer;
  const std::size_t root = writer.open();
  bson::Reader reader(index->spec().document);
  bson::Element element;
  while (reader.next(&element)) {
    if (element.key != "expireAfterSeconds") writer.raw(element.type, element.key, element.value);
  }
  document::write(writer, "expireAfterSeconds", seconds);
  writer.close(root);
  const auto spec = parse_index(writer.bytes(), context.error);
  if (!spec) return false;
  const auto old = index->spec().expire_after_seconds;
  if (old) context.reply.int64("expireAfterSeconds_old", *old);
  context.reply.int64("expireAfterSeconds_new", *spec->expire_after_seconds);
  return context.engine.catalogue.change_index(*collection, index, *spec) ||
         context.refuse_storage();
}

}  // namespace runtime::docstore
