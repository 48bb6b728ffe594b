// find, getMore, killCursors, count, distinct.
#include <algorithm>
#include <string>
#include <utility>

#include "docstore/commands/batch.h"
#include "docstore/commands/handlers.h"
#include "docstore/commands/query.h"
#include "docstore/document/distinct.h"
#include "docstore/document/sort.h"

namespace runtime::docstore {

namespace {

struct FindOptions {
  std::string_view sort, projection;
  std::int64_t skip = 0;
  std::optional<std::int64_t> limit, batch_size;
  bool single_batch = false;
  bool no_timeout = false;
};

// What would change the answer and is not here.
bool refuse_unkept(Context& context) {
  bool waits = false, tailable = false;
  if (!context.take("tailable", &tailable) || !context.take("awaitData", &waits)) return false;
  if (waits && !tailable) {
    return refuse(context.error, Code::failed_to_parse,
                  {"Cannot set 'awaitData' without also setting 'tailable'"});
  }
  for (const std::string_view name : {"returnKey", "showRecordId"}) {
    bool wanted = false;
    if (!context.take(name, &wanted)) return false;
    if (wanted)
      return refuse(context.error, Code::not_implemented,
                    {"find: '", name, "' is not implemented here"});
  }
  for (const std::string_view name : {"min", "max"}) {
    std::string_view bound;
    if (!context.take_document(name, &bound)) return false;
    if (bound.size() > bson::kSmallestDocument) {
      return refuse(context.error, Code::not_implemented,
                    {"find: '", name, "' is not implemented here"});
    }
  }
  return true;
}

bool parse_find(Context& context, FindOptions* out) {
  if (!refuse_unkept(context) || !context.take_document("sort", &out->sort) ||
      !context.take_document("projection", &out->projection) || !context.take("skip", &out->skip) ||
      !context.take("limit", &out->limit) || !context.take("batchSize", &out->batch_size) ||
      !context.take("singleBatch", &out->single_batch) ||
      !context.take("noCursorTimeout", &out->no_timeout)) {
    return false;
  }
  if (out->limit && *out->limit < 0) {
    return refuse(context.error, document::location(51024),
                  {"BSON field 'limit' value must be >= 0, actual value '",
                   std::to_string(*out->limit), "'"});
  }
  if (out->limit && *out->limit == 0) out->limit.reset();
  return true;
}

// Sorted documents are all read, and the first of them kept.
bool gather_sorted(Context& context, Cursor& cursor, Collection& collection,
                   std::string_view sort) {
  auto pattern = document::SortPattern::parse(sort, context.error);
  if (!pattern) return false;
  const std::uint64_t most =
      cursor.limit ? static_cast<std::uint64_t>(*cursor.limit + cursor.skip) : 0;
  document::Sorter sorter(std::move(*pattern), most);
  const auto add = [&](std::int64_t number, std::string_view document,
                       const document::MatchDetails&) {
    return sorter.add(document, number, context.error);
  };
  if (!each_match(context, collection, cursor.scan, cursor.filter, add)) return false;
  std::int64_t left_out = cursor.skip;
  std::string projected;
  for (auto& item : sorter.take()) {
    if (left_out-- > 0) continue;
    if (!cursor.projection) {
      cursor.hold(std::move(item.document));
      continue;
    }
    document::MatchDetails details;
    cursor.filter.matches(item.document, &details);
    if (!cursor.projection->apply(item.document, details, &projected, context.error)) return false;
    cursor.hold(projected);
  }
  cursor.skip = 0;
  cursor.limit.reset();
  cursor.scan_ended = true;
  return true;
}

}  // namespace

bool run_find(Context& context) {
  ++context.engine.queries;
  std::string_view name;
  FindOptions options;
  auto cursor = std::make_unique<Cursor>();
  if (!context.collection_name(&name) || !parse_find(context, &options) ||
      !context.take_filter("filter", &cursor->filter)) {
    return false;
  }
  if (!document::is_empty(options.projection.empty() ? empty_document() : options.projection)) {
    cursor->projection =
        document::Projection::parse(options.projection, context.error, &context.constants);
    if (!cursor->projection) return false;
  }
  const bool sorts = options.sort.size() > bson::kSmallestDocument;
  if (sorts && !is_natural(options.sort) &&
      !document::SortPattern::parse(options.sort, context.error))
    return false;
  cursor->database = context.database;
  cursor->collection = name;
  cursor->skip = options.skip;
  cursor->limit = options.limit;
  cursor->batch_size = options.batch_size;
  cursor->never_times_out = options.no_timeout;
  Collection* const collection = context.engine.catalogue.find(context.database, name);
  if (collection == nullptr) {
    cursor->scan_ended = true;
  } else if (context.argument("tailable").is_true()) {
    return refuse(context.error, Code::bad_value,
                  {"error processing query: tailable cursor requested on non capped collection"});
  } else {
    cursor->collection_id = collection->id();
    if (!plan_query(context, *collection, cursor->filter, options.sort, &cursor->scan.plan))
      return false;
    if (sorts && !cursor->scan.plan.is_sorted &&
        !gather_sorted(context, *cursor, *collection, options.sort))
      return false;
  }
  const std::int64_t batch =
      options.single_batch ? options.batch_size.value_or(std::numeric_limits<std::int64_t>::max())
                           : options.batch_size.value_or(kFirstBatch);
  return answer_first_batch(context, std::move(cursor), batch, options.single_batch);
}

bool run_get_more(Context& context) {
  ++context.engine.get_mores;
  if (context.subject.type != bson::Type::int64) {
    return refuse(context.error, Code::type_mismatch,
                  {"BSON field 'getMore.getMore' is the wrong type '",
                   document::type_name(context.subject.type), "', expected type 'long'"});
  }
  const Value collection = context.argument("collection");
  if (collection.type != bson::Type::string) {
    const bool is_missing = collection.is_missing();
    return refuse(context.error, is_missing ? document::location(40414) : Code::type_mismatch,
                  {"BSON field 'getMore.collection' is ",
                   is_missing ? "missing but a required field" : "the wrong type, not a string"});
  }
  std::optional<std::int64_t> batch_size;
  if (!context.take("batchSize", &batch_size)) return false;
  const std::int64_t id = context.subject.integer();
  Cursor* const cursor = context.engine.cursors.find(id);
  if (cursor == nullptr) {
    return refuse(context.error, Code::cursor_not_found,
                  {"cursor id ", std::to_string(id), " not found"});
  }
  if (cursor->database != context.database || cursor->collection != collection.text()) {
    return refuse(context.error, Code::unauthorized,
                  {"Requested getMore on namespace '", context.database, ".", collection.text(),
                   "', but cursor belongs to a different namespace ", cursor->database, ".",
                   cursor->collection});
  }
  const Catalogue& catalogue = context.engine.catalogue;
  const Collection* const read = catalogue.find(cursor->collection_id);
  const bool is_lost = !cursor->scan_ended && cursor->scan.plan.kind == Plan::Kind::index &&
                       read != nullptr && read->index(cursor->scan.plan.index) == nullptr;
  if (is_lost) {
    context.engine.cursors.remove(id);
    return refuse(context.error, Code::query_plan_killed,
                  {"the index that the cursor reads was dropped"});
  }
  return answer_next_batch(context, *cursor, batch_size);
}

bool run_kill_cursors(Context& context) {
  std::string_view name;
  if (!context.collection_name(&name)) return false;
  const Value list = context.argument("cursors");
  if (!list.is_array()) {
    const bool is_missing = list.is_missing();
    return refuse(context.error, is_missing ? document::location(40414) : Code::type_mismatch,
                  {"BSON field 'killCursors.cursors' is ",
                   is_missing ? "missing but a required field" : "the wrong type, not an array"});
  }
  std::vector<std::int64_t> ids, killed, unknown;
  bson::Reader reader(list.bytes);
  bson::Element element;
  while (reader.next(&element)) {
    const Value id(element);
    if (id.type != bson::Type::int64) {
      return refuse(context.error, Code::type_mismatch,
                    {"BSON field 'killCursors.cursors.", element.key, "' is the wrong type '",
                     document::type_name(id.type), "', expected type 'long'"});
    }
    ids.push_back(id.integer());
  }
  for (const std::int64_t id : ids)
    (context.engine.cursors.remove(id) ? killed : unknown).push_back(id);
  const auto write = [&context](std::string_view key, const std::vector<std::int64_t>& ids) {
    ArrayWriter array(context.reply, key);
    for (const std::int64_t id : ids) context.reply.int64(array.next(), id);
    array.close();
  };
  write("cursorsKilled", killed);
  write("cursorsNotFound", unknown);
  write("cursorsAlive", {});
  write("cursorsUnknown", {});
  return true;
}

bool run_count(Context& context) {
  std::string_view name;
  document::Filter filter;
  std::int64_t skip = 0;
  std::optional<std::int64_t> limit;
  if (!context.collection_name(&name) || !context.take_filter("query", &filter) ||
      !context.take("skip", &skip) || !context.take("limit", &limit)) {
    return false;
  }
  std::int64_t count = 0;
  Collection* const collection = context.engine.catalogue.find(context.database, name);
  if (collection != nullptr && filter.is_empty()) {
    count = collection->count();
  } else if (collection != nullptr) {
    ScanState scan;
    if (!plan_query(context, *collection, filter, {}, &scan.plan)) return false;
    const auto add = [&](std::int64_t, std::string_view, const document::MatchDetails&) {
      ++count;
      return true;
    };
    if (!each_match(context, *collection, scan, filter, add)) return false;
  }
  count = std::max<std::int64_t>(count - skip, 0);
  const std::int64_t most = limit ? (*limit < 0 ? -*limit : *limit) : 0;
  if (most > 0) count = std::min(count, most);
  write_count(context.reply, "n", count);
  return true;
}

bool run_distinct(Context& context) {
  std::string_view name;
  document::Filter filter;
  const Value key = context.argument("key");
  if (!context.collection_name(&name) || !context.take_filter("query", &filter)) return false;
  if (key.type != bson::Type::string) {
    return refuse(context.error, key.is_missing() ? document::location(40414) : Code::type_mismatch,
                  {"BSON field 'distinct.key' must be a string"});
  }
  document::Distinct distinct(key.text());
  Collection* const collection = context.engine.catalogue.find(context.database, name);
  if (collection != nullptr) {
    ScanState scan;
    if (!plan_query(context, *collection, filter, {}, &scan.plan)) return false;
    const auto add = [&](std::int64_t, std::string_view document, const document::MatchDetails&) {
      return distinct.add(document, context.error);
    };
    if (!each_match(context, *collection, scan, filter, add)) return false;
  }
  context.reply.raw(bson::Type::array, "values", distinct.take());
  return true;
}

}  // namespace runtime::docstore
