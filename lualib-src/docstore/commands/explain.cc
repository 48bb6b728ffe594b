// explain: which way the documents of a command would be found.
#include <algorithm>
#include <string>
#include <utility>

#include "docstore/commands/command_table.h"
#include "docstore/commands/handlers.h"
#include "docstore/commands/query.h"
#include "docstore/commands/version.h"
#include "docstore/document/key.h"

namespace runtime::docstore {

namespace {

struct Question {
  std::string_view collection, filter, sort;
  std::int64_t limit = 0, skip = 0;
  bool executes = false;
};

// IDHACK, COLLSCAN, or FETCH over IXSCAN.
void write_access(bson::Writer& writer, std::string_view key, const Collection* collection,
                  const Plan& plan, std::string_view filter) {
  const std::size_t stage = writer.open(bson::Type::document, key);
  const std::string_view direction = plan.backward ? "backward" : "forward";
  if (collection == nullptr) {
    writer.string("stage", "EOF");
  } else if (plan.kind == Plan::Kind::documents) {
    writer.string("stage", "COLLSCAN");
    if (filter.size() > bson::kSmallestDocument) writer.raw(bson::Type::document, "filter", filter);
    writer.string("direction", direction);
  } else if (plan.kind == Plan::Kind::id && plan.ranges.size() == 1 &&
             plan.ranges[0].high == document::key_after(plan.ranges[0].low)) {
    writer.string("stage", "IDHACK");
  } else {
    const Index* const index =
        plan.kind == Plan::Kind::index ? collection->index(plan.index) : nullptr;
    const std::string id_keys = [] {
      bson::Writer keys;
      const std::size_t root = keys.open();
      keys.int32("_id", 1);
      keys.close(root);
      return std::string(keys.bytes());
    }();
    writer.string("stage", "FETCH");
    const std::size_t input = writer.open(bson::Type::document, "inputStage");
    writer.string("stage", "IXSCAN");
    writer.raw(bson::Type::document, "keyPattern",
               index != nullptr ? std::string_view(index->spec().key) : id_keys);
    writer.string("indexName", index != nullptr ? std::string_view(index->spec().name) : "_id_");
    writer.boolean("isMultiKey", index != nullptr && index->has_many());
    writer.boolean("isUnique", index == nullptr || index->spec().unique);
    writer.boolean("isSparse", index != nullptr && index->spec().sparse);
    writer.boolean("isPartial", index != nullptr && index->spec().partial != nullptr);
    writer.int32("indexVersion", 2);
    writer.string("direction", direction);
    writer.int32("ranges", static_cast<std::int32_t>(plan.ranges.size()));
    writer.close(input);
  }
  writer.close(stage);
}

bool write_execution(Context& context, Collection* collection, const Plan& plan,
                     const document::Filter& filter, const Question& question) {
  std::int64_t examined = 0, returned = 0;
  if (collection != nullptr) {
    ScanState state;
    state.plan = plan;
    Scan scan(*collection, state);
    while (scan.next()) {
      if (++examined % 128 == 0 && context.is_late()) return context.refuse_late();
      document::MatchDetails details;
      const auto good = fits(filter, scan.document(), &details, context.error);
      if (!good) return false;
      if (!*good) continue;
      ++returned;
      const bool sorted = question.sort.size() <= bson::kSmallestDocument || plan.is_sorted;
      if (sorted && question.limit > 0 && returned == question.limit + question.skip) break;
    }
  }
  returned = std::max<std::int64_t>(returned - question.skip, 0);
  if (question.limit > 0) returned = std::min(returned, question.limit);
  bson::Writer& reply = context.reply;
  const std::size_t stats = reply.open(bson::Type::document, "executionStats");
  reply.boolean("executionSuccess", true);
  write_count(reply, "nReturned", returned);
  write_count(reply, "executionTimeMillis", context.engine.clock().ms - context.clock.ms);
  write_count(reply, "totalKeysExamined", plan.kind == Plan::Kind::documents ? 0 : examined);
  write_count(reply, "totalDocsExamined", examined);
  reply.close(stats);
  return true;
}

bool answer(Context& context, std::string_view command, const Question& question) {
  document::Filter filter;
  if (!question.filter.empty()) {
    auto parsed = document::Filter::parse(question.filter, context.error, &context.constants);
    if (!parsed) return false;
    filter = std::move(*parsed);
  }
  Collection* const collection =
      context.engine.catalogue.find(context.database, question.collection);
  Plan plan;
  if (collection != nullptr && !plan_query(context, *collection, filter, question.sort, &plan))
    return false;
  bson::Writer& reply = context.reply;
  reply.string("explainVersion", "1");
  const std::size_t planner = reply.open(bson::Type::document, "queryPlanner");
  reply.string("namespace", std::string(context.database) + "." + std::string(question.collection));
  reply.boolean("indexFilterSet", false);
  reply.raw(bson::Type::document, "parsedQuery",
            question.filter.empty() ? empty_document() : question.filter);
  const bool sorts = question.sort.size() > bson::kSmallestDocument && !plan.is_sorted;
  if (sorts) {
    const std::size_t stage = reply.open(bson::Type::document, "winningPlan");
    reply.string("stage", "SORT");
    reply.raw(bson::Type::document, "sortPattern", question.sort);
    write_access(reply, "inputStage", collection, plan, question.filter);
    reply.close(stage);
  } else {
    write_access(reply, "winningPlan", collection, plan, question.filter);
  }
  ArrayWriter rejected(reply, "rejectedPlans");
  rejected.close();
  reply.close(planner);
  if (question.executes && !write_execution(context, collection, plan, filter, question))
    return false;
  reply.raw(bson::Type::document, "command", command);
  const std::size_t server = reply.open(bson::Type::document, "serverInfo");
  reply.string("host", "localhost");
  reply.string("version", kVersion);
  reply.close(server);
  return true;
}

std::string_view document_of(const Value& value) {
  return value.is_document() ? value.bytes : std::string_view();
}

// The first statement of an update or delete.
std::string_view first_query(std::string_view command, std::string_view list) {
  const Value statements = document::field(command, list);
  if (!statements.is_array()) return {};
  const bson::Element first = document::first_element(statements.bytes);
  return first.type == bson::Type::document ? document_of(document::field(first.value, "q"))
                                            : std::string_view();
}

}  // namespace

bool run_explain(Context& context) {
  if (!context.subject.is_document()) {
    return refuse(context.error, Code::type_mismatch,
                  {"explain: the command to explain must be an object"});
  }
  const std::string_view command = context.subject.bytes;
  const bson::Element first = document::first_element(command);
  static constexpr std::string_view kExplained[] = {"find",   "count",  "distinct", "findAndModify",
                                                    "update", "delete", "aggregate"};
  if (std::ranges::find(kExplained, first.key) == std::end(kExplained)) {
    return refuse(context.error, Code::command_not_found,
                  {"Explain failed due to unknown command: ", first.key});
  }
  if (first.type != bson::Type::string) {
    return refuse(context.error, Code::invalid_namespace,
                  {"collection name has invalid type ", document::type_name(first.type)});
  }
  if (!context.take_let(document::field(command, "let"))) return false;
  const Value verbosity = context.argument("verbosity");
  static constexpr std::string_view kVerbosities[] = {"queryPlanner", "executionStats",
                                                      "allPlansExecution"};
  if (!verbosity.is_missing() &&
      (verbosity.type != bson::Type::string ||
       std::ranges::find(kVerbosities, verbosity.text()) == std::end(kVerbosities))) {
    return refuse(context.error, Code::bad_value,
                  {"Enumeration value ", document::to_text(verbosity),
                   " for field 'explain.verbosity' is not a valid value."});
  }
  Question question;
  question.collection = bson::text_of(first);
  question.executes = verbosity.type != bson::Type::string || verbosity.text() != "queryPlanner";
  const std::string_view name = first.key;
  if (name == "find") {
    question.filter = document_of(document::field(command, "filter"));
    question.sort = document_of(document::field(command, "sort"));
    question.limit = document::field(command, "limit").whole_number().value_or(0);
    question.skip = document::field(command, "skip").whole_number().value_or(0);
  } else if (name == "count" || name == "distinct" || name == "findAndModify") {
    question.filter = document_of(document::field(command, "query"));
    question.sort = document_of(document::field(command, "sort"));
  } else if (name == "update") {
    question.filter = first_query(command, "updates");
  } else if (name == "delete") {
    question.filter = first_query(command, "deletes");
  } else {
    return explain_aggregate(context, question.collection, document::field(command, "pipeline"));
  }
  Request inner;
  inner.command = command;  // its hint counts
  Context asked{context.engine,   context.peer,  inner,         name,         Value(first),
                context.database, context.clock, context.reply, context.error};
  asked.constants = context.constants;
  return answer(asked, command, question);
}

bool explain_aggregate(Context& context, std::string_view collection, const Value& stages) {
  if (!stages.is_array())
    return refuse(context.error, Code::type_mismatch, {"explain: 'pipeline' must be an array"});
  const auto pipeline = document::Pipeline::parse(stages.bytes, context.error, &context.constants);
  if (!pipeline) return false;
  Question question;
  question.collection = collection;
  const bson::Element first = document::first_element(stages.bytes);
  if (pipeline->leading_match() != nullptr)
    question.filter = document_of(document::field(first.value, "$match"));
  return answer(context, context.request.command, question);
}

}  // namespace runtime::docstore
