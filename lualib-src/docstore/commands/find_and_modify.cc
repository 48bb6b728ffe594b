// findAndModify: one document is found, changed or removed, and given back as it was or as it is now.
#include <string>
#include <utility>

#include "docstore/commands/changes.h"
#include "docstore/commands/handlers.h"
#include "docstore/commands/query.h"
#include "docstore/commands/write_errors.h"
#include "docstore/document/projection.h"
#include "docstore/document/sort.h"

namespace runtime::docstore {

namespace {

struct Options {
  std::string_view sort, fields;
  bool remove = false;
  bool gives_new = false;
};

bool parse_options(Context& context, Options* options, Change* change) {
  if (!context.take_filter("query", &change->filter) ||
      !context.take_document("sort", &options->sort) ||
      !context.take_document("fields", &options->fields) ||
      !context.take("remove", &options->remove) || !context.take("new", &options->gives_new) ||
      !context.take("upsert", &change->upsert)) {
    return false;
  }
  const Value update = context.argument("update");
  if (options->remove) {
    if (!update.is_missing()) {
      return refuse(context.error, Code::failed_to_parse,
                    {"Cannot specify both an update and remove=true"});
    }
    if (change->upsert)
      return refuse(context.error, Code::failed_to_parse,
                    {"Cannot specify both upsert=true and remove=true"});
    if (options->gives_new) {
      return refuse(context.error, Code::failed_to_parse,
                    {"Cannot specify both new=true and remove=true; 'remove' always returns the "
                     "deleted document"});
    }
    return true;
  }
  if (update.is_missing()) {
    return refuse(context.error, Code::failed_to_parse,
                  {"Either an update or remove=true must be specified"});
  }
  return check_upsert(*change, context.error) &&
         parse_update(update, context.argument("arrayFilters"), Value(), context.constants,
                      &change->update, context.error);
}

// The first document in the order that was asked for. False: refused.
bool find_first(Context& context, Collection& collection, const document::Filter& filter,
                std::string_view sort, std::optional<std::int64_t>* number) {
  ScanState state;
  if (!plan_query(context, collection, filter, sort, &state.plan)) return false;
  const bool sorts = sort.size() > bson::kSmallestDocument && !state.plan.is_sorted;
  if (!sorts) {
    Scan scan(collection, state);
    int looked = 0;
    while (!*number && scan.next()) {
      if (++looked % 128 == 0 && context.is_late()) return context.refuse_late();
      document::MatchDetails details;
      const auto good = fits(filter, scan.document(), &details, context.error);
      if (!good) return false;
      if (*good) *number = scan.number();
    }
    return context.engine.connection.failure().empty() || context.refuse_storage();
  }
  auto pattern = document::SortPattern::parse(sort, context.error);
  if (!pattern) return false;
  document::Sorter sorter(std::move(*pattern), 1);
  const auto add = [&](std::int64_t found, std::string_view document,
                       const document::MatchDetails&) {
    return sorter.add(document, found, context.error);
  };
  if (!each_match(context, collection, state, filter, add)) return false;
  for (const auto& item : sorter.take()) *number = item.tag;
  return true;
}

// { lastErrorObject, value }
bool answer(Context& context, const Options& options, const Change& change, const Changed& changed,
            std::optional<std::string> value) {
  std::string projected;
  if (value && options.fields.size() > bson::kSmallestDocument) {
    const auto projection =
        document::Projection::parse(options.fields, context.error, &context.constants);
    document::MatchDetails details;
    if (!projection) return false;
    if (projection->is_positional()) change.filter.matches(*value, &details);
    if (!projection->apply(*value, details, &projected, context.error)) return false;
    value = std::move(projected);
  }
  bson::Writer& reply = context.reply;
  const std::size_t opened = reply.open(bson::Type::document, "lastErrorObject");
  reply.int32("n", changed.matched > 0 || changed.upserted ? 1 : 0);
  if (!options.remove) reply.boolean("updatedExisting", changed.matched > 0);
  if (changed.upserted) document::write(reply, "upserted", changed.upserted->view());
  reply.close(opened);
  reply.raw(value ? bson::Type::document : bson::Type::null, "value",
            value ? *value : std::string_view());
  return true;
}

}  // namespace

bool run_find_and_modify(Context& context) {
  std::string_view name;
  Options options;
  Change change;
  if (!context.collection_name(&name) || !parse_options(context, &options, &change)) return false;
  // What is wrong with the projection is told before anything is written.
  if (options.fields.size() > bson::kSmallestDocument &&
      !document::Projection::parse(options.fields, context.error, &context.constants))
    return false;
  Collection* collection = context.engine.catalogue.find(context.database, name);
  std::optional<std::int64_t> number;
  if (collection != nullptr &&
      !find_first(context, *collection, change.filter, options.sort, &number))
    return false;

  Changed changed;
  std::string old, fresh;
  std::optional<WriteFault> fault;
  const auto failed = [&] { return fault ? refuse_fault(context, *fault) : false; };
  if (number && collection->fetch(*number, &old)) {
    if (options.remove) {
      fault = collection->remove(*number, old);
      if (fault) return failed();
      changed.matched = 1;
      ++context.engine.deletes;
      return answer(context, options, change, changed, std::move(old));
    }
    ++context.engine.updates;
    if (!update_document(*collection, *number, old, change, context.clock, &changed, &fresh, &fault,
                         context.error))
      return failed();
    return answer(context, options, change, changed,
                  options.gives_new ? std::move(fresh) : std::move(old));
  }
  if (!change.upsert) return answer(context, options, change, changed, std::nullopt);
  if (collection == nullptr) collection = collection_to_write(context, name, context.error);
  if (collection == nullptr) return false;
  if (!upsert_document(*collection, change, context.clock, &changed, &fresh, &fault, context.error))
    return failed();
  if (!options.gives_new) return answer(context, options, change, changed, std::nullopt);
  return answer(context, options, change, changed, std::move(fresh));
}

}  // namespace runtime::docstore
