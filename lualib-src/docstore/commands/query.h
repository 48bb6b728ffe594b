// Reading along a plan, as all commands with a filter do.
#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "docstore/commands/context.h"
#include "docstore/document/filter.h"
#include "docstore/storage/plan.h"

namespace runtime::docstore {

// Whether a document fits. Nothing: refused, as a regular expression takes too long, or an expression failed.
inline std::optional<bool> fits(const document::Filter& filter, std::string_view document,
                                document::MatchDetails* details, CommandError* error) {
  const bool answer = filter.matches(document, details);
  if (details->has_failed() && !details->check(error)) return std::nullopt;
  return answer;
}

// { $natural: 1 }: the order of insertion.
bool is_natural(std::string_view sort);

// Chooses the plan, with the command's `hint`. A $natural sort makes it one through all documents.
bool plan_query(Context& context, Collection& collection, const document::Filter& filter,
                std::string_view sort, Plan* plan);

// Calls `take` with each document that fits: its number, its bytes, and how it fitted. False: refused, by `take` or
// for the command's time or the file. `take` must not write.
using Take = std::function<bool(std::int64_t number, std::string_view document,
                                const document::MatchDetails& details)>;
bool each_match(Context& context, Collection& collection, ScanState& scan,
                const document::Filter& filter, const Take& take);

// An int32 where that suffices, as MongoDB has it.
void write_count(bson::Writer& writer, std::string_view key, std::int64_t count);

// explain.cc
bool explain_aggregate(Context& context, std::string_view collection, const Value& stages);

}  // namespace runtime::docstore
