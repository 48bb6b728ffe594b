// create, drop, dropDatabase, renameCollection, listCollections, listDatabases.
#include <algorithm>
#include <deque>
#include <string>
#include <vector>

#include "docstore/commands/batch.h"
#include "docstore/commands/changes.h"
#include "docstore/commands/handlers.h"
#include "docstore/commands/query.h"

namespace runtime::docstore {

namespace {

bool refuse_options(Context& context) {
  bson::Reader reader(context.request.command);
  bson::Element element;
  while (reader.next(&element)) {
    for (const std::string_view name :
         {"validator", "viewOn", "pipeline", "timeseries", "clusteredIndex", "encryptedFields",
          "changeStreamPreAndPostImages", "expireAfterSeconds"}) {
      const Value value(element);
      const bool says_nothing =
          value.is_nullish() || (value.is_container() && document::is_empty(value.bytes));
      if (element.key == name && !says_nothing) {
        return refuse(context.error, Code::not_implemented,
                      {"create: '", name, "' is not implemented here"});
      }
    }
    if (element.key == "capped" && Value(element).is_true()) {
      return refuse(context.error, Code::not_implemented,
                    {"create: 'capped' is not implemented here"});
    }
  }
  return true;
}

// Everything that is kept open for a collection ends with it.
bool drop_collection(Context& context, Collection* collection) {
  context.engine.cursors.remove_all_of(collection->id());
  return context.engine.catalogue.drop(collection) || context.refuse_storage();
}

std::string describe(const Collection& collection, bool name_only) {
  bson::Writer writer;
  const std::size_t root = writer.open();
  writer.string("name", collection.name());
  writer.string("type", "collection");
  if (!name_only) {
    writer.raw(bson::Type::document, "options", collection.options());
    const std::size_t info = writer.open(bson::Type::document, "info");
    writer.boolean("readOnly", false);
    writer.binary("uuid", 4, collection.uuid());
    writer.close(info);
    writer.raw(bson::Type::document, "idIndex", id_index_document());
  }
  writer.close(root);
  return std::string(writer.bytes());
}

}  // namespace

bool run_create(Context& context) {
  std::string_view name;
  if (!context.collection_name(&name) || !refuse_options(context)) return false;
  if (context.engine.catalogue.find(context.database, name) != nullptr) {
    return refuse(context.error, Code::namespace_exists,
                  {"Collection ", context.database, ".", name, " already exists."});
  }
  return make_collection(context, name, context.error) != nullptr;
}

bool run_drop(Context& context) {
  std::string_view name;
  if (!context.collection_name(&name)) return false;
  Collection* const collection = context.engine.catalogue.find(context.database, name);
  if (collection == nullptr) return true;  // nothing to do is no error
  context.reply.int32("nIndexesWas", static_cast<std::int32_t>(collection->indexes().size() + 1));
  context.reply.string("ns", collection->full_name());
  return drop_collection(context, collection);
}

bool run_drop_database(Context& context) {
  std::vector<Collection*> all;
  for (const auto& collection : context.engine.catalogue.collections()) {
    if (collection->database() == context.database) all.push_back(collection.get());
  }
  for (Collection* const collection : all) {
    if (!drop_collection(context, collection)) return false;
  }
  if (!all.empty()) context.reply.string("dropped", context.database);
  return true;
}

bool run_rename_collection(Context& context) {
  const Value to = context.argument("to");
  bool drops_target = false;
  if (context.subject.type != bson::Type::string || to.type != bson::Type::string) {
    return refuse(context.error, Code::type_mismatch,
                  {"renameCollection: both names must be strings"});
  }
  if (!context.take("dropTarget", &drops_target)) return false;
  const std::string_view from_name = context.subject.text(), to_name = to.text();
  const std::size_t from_dot = from_name.find('.'), to_dot = to_name.find('.');
  if (from_dot == from_name.npos || to_dot == to_name.npos) {
    return refuse(context.error, Code::invalid_namespace,
                  {"renameCollection: a name is DATABASE.COLLECTION"});
  }
  const std::string_view to_database = to_name.substr(0, to_dot),
                         to_collection = to_name.substr(to_dot + 1);
  if (!check_database_name(to_database, context.error) ||
      !check_collection_name(to_database, to_collection, context.error)) {
    return false;
  }
  Catalogue& catalogue = context.engine.catalogue;
  Collection* const collection =
      catalogue.find(from_name.substr(0, from_dot), from_name.substr(from_dot + 1));
  if (collection == nullptr) {
    return refuse(context.error, Code::namespace_not_found,
                  {"Source collection ", from_name, " does not exist"});
  }
  if (from_name == to_name) {
    return refuse(context.error, Code::illegal_operation, {"Can't rename a collection to itself"});
  }
  Collection* const target = catalogue.find(to_database, to_collection);
  if (target != nullptr) {
    if (!drops_target)
      return refuse(context.error, Code::namespace_exists, {"target namespace exists"});
    if (!drop_collection(context, target)) return false;
  }
  context.engine.cursors.remove_all_of(collection->id());
  return catalogue.rename(collection, to_database, to_collection) || context.refuse_storage();
}

bool run_list_collections(Context& context) {
  document::Filter filter;
  bool name_only = false;
  if (!context.take_filter("filter", &filter) || !context.take("nameOnly", &name_only))
    return false;
  std::deque<std::string> list;
  for (const auto& collection : context.engine.catalogue.collections()) {
    if (collection->database() != context.database) continue;
    document::MatchDetails details;
    const auto good = fits(filter, describe(*collection, false), &details, context.error);
    if (!good) return false;
    if (*good) list.push_back(describe(*collection, name_only));
  }
  return answer_documents(context, std::string(context.database) + ".$cmd.listCollections",
                          std::move(list));
}

bool run_list_databases(Context& context) {
  document::Filter filter;
  bool name_only = false;
  if (!context.take_filter("filter", &filter) || !context.take("nameOnly", &name_only))
    return false;
  std::vector<std::string> names;
  for (const auto& collection : context.engine.catalogue.collections())
    names.push_back(collection->database());
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  ArrayWriter databases(context.reply, "databases");
  std::int64_t total = 0;
  for (const std::string& name : names) {
    std::int64_t bytes = 0;
    if (!name_only) {
      for (const auto& collection : context.engine.catalogue.collections()) {
        if (collection->database() == name) bytes += collection->data_bytes();
      }
    }
    bson::Writer one;
    const std::size_t root = one.open();
    one.string("name", name);
    if (!name_only) {
      one.int64("sizeOnDisk", bytes);
      one.boolean("empty", false);
    }
    one.close(root);
    document::MatchDetails details;
    const auto good = fits(filter, one.bytes(), &details, context.error);
    if (!good) return false;
    if (!*good) continue;
    total += bytes;
    databases.document(one.bytes());
  }
  databases.close();
  if (name_only) return true;
  context.reply.int64("totalSize", total);
  context.reply.int64("totalSizeMb", total >> 20);
  return true;
}

}  // namespace runtime::docstore
