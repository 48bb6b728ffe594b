// aggregate: the documents of a collection through a pipeline.
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "docstore/commands/batch.h"
#include "docstore/commands/handlers.h"
#include "docstore/commands/near.h"
#include "docstore/commands/query.h"
#include "docstore/commands/stats.h"

namespace runtime::docstore {

namespace {

constexpr int kLooksAtClock = 128;  // documents between two looks

bool parse_batch_size(Context& context, std::int64_t* batch) {
  std::string_view options;
  if (!context.take_document("cursor", &options)) return false;
  if (options.empty()) {
    if (context.argument("explain").is_true()) return true;
    return refuse(
        context.error, Code::failed_to_parse,
        {"The 'cursor' option is required, except for aggregate with the explain argument"});
  }
  const Value size = document::field(options, "batchSize");
  if (size.is_missing()) return true;
  const auto whole = size.whole_number();
  if (!whole || *whole < 0) {
    return refuse(context.error, Code::bad_value,
                  {"cursor.batchSize must be a number that is not negative"});
  }
  *batch = *whole;
  return true;
}

document::Surroundings surroundings_of(Context& context) {
  Engine* const engine = &context.engine;
  const std::string database(context.database);
  document::Surroundings surroundings;
  surroundings.clock = context.clock;
  surroundings.read = [engine, database, looked = 0](
                          const std::string& name, const document::Filter& filter,
                          const std::function<bool(std::string_view)>& take,
                          CommandError* error) mutable {
    Collection* const collection = engine->catalogue.find(database, name);
    if (collection == nullptr) return true;
    ScanState state;
    state.plan = *choose_plan(*collection, {filter, {}, {}});
    Scan scan(*collection, state);
    while (scan.next()) {
      // For each document of the pipeline there may be as many here.
      if (++looked % kLooksAtClock == 0 && engine->is_late()) {
        return refuse(error, Code::max_time_expired, {"operation exceeded time limit"});
      }
      document::MatchDetails details;
      const auto good = fits(filter, scan.document(), &details, error);
      if (!good) return false;
      if (*good && !take(scan.document())) return true;
    }
    if (engine->connection.failure().empty()) return true;
    return refuse(error, Code::internal_error,
                  {"the store's file: ", engine->connection.failure()});
  };
  return surroundings;
}

// The way to the documents that a leading $match wants.
bool plan_pipeline(Context& context, Collection& collection, const document::Pipeline& pipeline,
                   Plan* plan) {
  const document::Filter* const filter = pipeline.leading_match();
  const document::Filter all;
  return plan_query(context, collection, filter != nullptr ? *filter : all, {}, plan);
}

}  // namespace

bool run_aggregate(Context& context) {
  std::string_view name;
  std::int64_t batch = kFirstBatch;
  if (!context.subject.is_number() && !context.collection_name(&name)) return false;
  const Value stages = context.argument("pipeline");
  if (!stages.is_array()) {
    return refuse(context.error,
                  stages.is_missing() ? document::location(40414) : Code::type_mismatch,
                  {"BSON field 'aggregate.pipeline' must be an array"});
  }
  if (!parse_batch_size(context, &batch)) return false;
  if (context.argument("explain").is_true()) return explain_aggregate(context, name, stages);
  auto cursor = std::make_unique<Cursor>();
  std::string rest;
  std::optional<Near> near;
  std::optional<std::string> stats;
  if (!take_near(context, stages.bytes, &near, &rest) ||
      !take_collection_stats(context, name, stages.bytes, &stats, &rest)) {
    return false;
  }
  auto pipeline = document::Pipeline::parse(near || stats ? std::string_view(rest) : stages.bytes,
                                            context.error, &context.constants);
  if (!pipeline) return false;
  if (name.empty()) {
    return refuse(context.error, Code::invalid_namespace,
                  {"a pipeline without a collection needs a first stage that makes documents"});
  }
  cursor->pipeline = std::move(*pipeline);
  cursor->database = context.database;
  cursor->collection = name;
  Cursor* const raw = cursor.get();
  cursor->run = cursor->pipeline->start(surroundings_of(context),
                                        [raw](std::string_view document, CommandError*) {
                                          raw->hold(std::string(document));
                                          return true;
                                        });
  Collection* const collection = context.engine.catalogue.find(context.database, name);
  if (stats) {
    if (!cursor->run->push(*stats, context.error)) return false;
  } else if (collection != nullptr) {
    cursor->collection_id = collection->id();
    if (near) {
      if (!feed_near(context, *collection, *near, *cursor->run)) return false;
    } else if (!plan_pipeline(context, *collection, *cursor->pipeline, &cursor->scan.plan)) {
      return false;
    }
  }
  if (near || stats || collection == nullptr) {
    cursor->scan_ended = true;
    if (!cursor->run->finish(context.error)) return false;
  }
  return answer_first_batch(context, std::move(cursor), batch, false);
}

}  // namespace runtime::docstore
