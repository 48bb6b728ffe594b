#include "docstore/commands/query.h"

#include <limits>

namespace runtime::docstore {

namespace {

constexpr int kLooksAtClock = 128;

}  // namespace

bool is_natural(std::string_view sort) {
  return !sort.empty() && document::first_element(sort).key == "$natural";
}

bool plan_query(Context& context, Collection& collection, const document::Filter& filter,
                std::string_view sort, Plan* plan) {
  if (is_natural(sort)) {
    *plan = Plan{};
    const Value direction(document::first_element(sort));
    plan->backward = direction.is_number() && direction.real() < 0;
    plan->is_sorted = true;
    return true;
  }
  PlanRequest request{filter, sort, {}};
  const Value hint = context.argument("hint");
  if (hint.type == bson::Type::string || (hint.is_document() && !document::is_empty(hint.bytes))) {
    request.hint = bson::Element{hint.type, {}, hint.bytes};
  }
  const auto chosen = choose_plan(collection, request);
  if (!chosen) {
    return refuse(context.error, Code::bad_value,
                  {"error processing query: planner returned error :: caused by :: hint provided "
                   "does not correspond "
                   "to an existing index"});
  }
  *plan = *chosen;
  return true;
}

bool each_match(Context& context, Collection& collection, ScanState& state,
                const document::Filter& filter, const Take& take) {
  Scan scan(collection, state);
  int looked = 0;
  while (scan.next()) {
    if (++looked % kLooksAtClock == 0 && context.is_late()) return context.refuse_late();
    document::MatchDetails details;
    const auto good = fits(filter, scan.document(), &details, context.error);
    if (!good || (*good && !take(scan.number(), scan.document(), details))) return false;
  }
  return context.engine.connection.failure().empty() || context.refuse_storage();
}

void write_count(bson::Writer& writer, std::string_view key, std::int64_t count) {
  if (count <= std::numeric_limits<std::int32_t>::max()) {
    writer.int32(key, static_cast<std::int32_t>(count));
  } else {
    writer.int64(key, count);
  }
}

}  // namespace runtime::docstore
