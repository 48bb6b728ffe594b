#include "docstore/commands/stats.h"

#include <unistd.h>

#include "docstore/commands/query.h"

namespace runtime::docstore {

namespace {

std::int64_t index_bytes(Engine& engine, const Index& index) {
  Statement adding(engine.connection,
                   "SELECT ifnull(sum(length(key) + 8), 0) FROM " + index.table());
  return adding.step() ? adding.number(0) : 0;
}

// latencyStats, queryExecStats: nobody counts them here.
bool refuse_part(std::string_view name, CommandError* error) {
  return refuse(error, Code::not_implemented, {"$collStats: '", name, "' is not implemented here"});
}

}  // namespace

std::int64_t index_bytes(Engine& engine, const Collection& collection) {
  std::int64_t total = 0;
  for (const auto& index : collection.indexes()) total += index_bytes(engine, *index);
  return total;
}

void write_sizes(Engine& engine, Collection* collection, std::int64_t scale, bson::Writer& writer) {
  const std::int64_t count = collection != nullptr ? collection->count() : 0;
  const std::int64_t bytes = collection != nullptr ? collection->data_bytes() : 0;
  write_count(writer, "size", bytes / scale);
  write_count(writer, "count", count);
  if (count > 0) write_count(writer, "avgObjSize", bytes / count);
  write_count(writer, "storageSize", bytes / scale);
  writer.boolean("capped", false);
  writer.int32("nindexes", collection != nullptr
                               ? static_cast<std::int32_t>(collection->indexes().size() + 1)
                               : 0);
  const std::size_t sizes = writer.open(bson::Type::document, "indexSizes");
  std::int64_t total = 0;
  if (collection != nullptr) {
    write_count(writer, "_id_", 0);  // it is part of the documents' table
    for (const auto& index : collection->indexes()) {
      const std::int64_t one = index_bytes(engine, *index);
      total += one;
      write_count(writer, index->spec().name, one / scale);
    }
  }
  writer.close(sizes);
  write_count(writer, "totalIndexSize", total / scale);
  write_count(writer, "totalSize", (bytes + total) / scale);
  write_count(writer, "scaleFactor", scale);
}

std::string without_first(std::string_view stages) {
  bson::Writer writer;
  const std::size_t root = writer.open();
  bson::ArrayKey key;
  bson::Reader reader(stages);
  bson::Element element;
  for (reader.next(&element); reader.next(&element);)
    writer.raw(element.type, key.next(), element.value);
  writer.close(root);
  return std::string(writer.bytes());
}

bool take_collection_stats(Context& context, std::string_view collection, std::string_view stages,
                           std::optional<std::string>* document, std::string* rest) {
  const bson::Element first = document::first_element(stages);
  if (first.type != bson::Type::document) return true;
  const bson::Element stage = document::first_element(first.value);
  if (stage.key != "$collStats") return true;
  if (stage.type != bson::Type::document) {
    return refuse(context.error, document::location(40166),
                  {"The $collStats specification must be an object"});
  }
  Collection* const found = context.engine.catalogue.find(context.database, collection);
  bson::Writer writer;
  const std::size_t root = writer.open();
  writer.string("ns", std::string(context.database) + "." + std::string(collection));
  char host[256] = {};
  writer.string("host", gethostname(host, sizeof(host) - 1) == 0 ? host : "localhost");
  writer.date("localTime", context.clock.ms);
  bson::Reader parts(stage.value);
  bson::Element part;
  while (parts.next(&part)) {
    if (part.key == "storageStats" && part.type == bson::Type::document) {
      const auto scale = document::field(part.value, "scale").whole_number();
      const std::size_t sizes = writer.open(bson::Type::document, "storageStats");
      write_sizes(context.engine, found, scale && *scale >= 1 ? *scale : 1, writer);
      writer.close(sizes);
    } else if (part.key == "count") {
      write_count(writer, "count", found != nullptr ? found->count() : 0);
    } else {
      return refuse_part(part.key, context.error);
    }
  }
  writer.close(root);
  *document = writer.bytes();
  *rest = without_first(stages);
  return true;
}

}  // namespace runtime::docstore
