// An update: what becomes of a document.
//
//   std::optional<Update> update = Update::parse(bytes, array_filters, &error);
//   std::string fresh;
//   switch (update->apply(document, details, clock, &fresh, &error)) ...
//
// Operators: $set $unset $inc $mul $min $max $rename $setOnInsert $currentDate $push ($each $slice $sort $position)
// $pull $pullAll $addToSet ($each) $pop $bit; in paths $, $[] and $[name]. A document without operators replaces all
// but the _id. Or the stages of a pipeline: $addFields ($set), $project, $unset, $replaceRoot ($replaceWith).
//
// Order of fields: what is there keeps its place; new fields are appended, in the order of their paths (names by
// their bytes, numbers by what they are worth). An _id that is new goes to the front.
//
// Threads:   parse anywhere; a parsed Update may be used by several threads at once.
// Ownership: an Update copies what it needs of the bytes it was parsed from.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "docstore/document/error.h"
#include "docstore/document/filter.h"
#include "docstore/document/value.h"

namespace runtime::document {

class Constants;
class Pipeline;
class UpdatePlan;

// What $currentDate writes: the same for all documents of a command.
struct Clock {
  std::int64_t ms = 0;          // since 1970
  std::uint64_t timestamp = 0;  // seconds in the upper half, a count in the lower one
};

class Update {
 public:
  enum class Outcome {
    refused,    // *error says why
    unchanged,  // the document would stay as it is, byte for byte
    changed,    // *fresh is the document now
  };

  ~Update();
  Update(Update&& other) noexcept;
  Update& operator=(Update&& other) noexcept;

  // `array_filters` are documents. A bad operator, a path that conflicts with another one, an unused or unknown name of
  // an array filter are told here.
  static std::optional<Update> parse(std::string_view document,
                                     const std::vector<std::string_view>& array_filters,
                                     CommandError* error);

  // An update by the stages of a pipeline (an array), of which those that make one document of one are allowed.
  // `constants` (or null) are what its expressions may use.
  static std::optional<Update> parse_pipeline(std::string_view stages, const Constants* constants,
                                              CommandError* error);

  // Such a one is not for many documents.
  bool is_replacement() const;

  // `details` are those of the match, for `$`.
  Outcome apply(std::string_view document, const MatchDetails& details, const Clock& clock,
                std::string* fresh, CommandError* error) const;

  // The document of an upsert that found nothing. One without an _id gets an ObjectId.
  bool insert(const Filter& filter, const Clock& clock, std::string* fresh,
              CommandError* error) const;

 private:
  explicit Update(std::unique_ptr<UpdatePlan> plan);
  explicit Update(std::unique_ptr<Pipeline> pipeline);
  // What the pipeline makes of a document.
  bool run(std::string_view document, const Clock& clock, std::string* fresh,
           CommandError* error) const;

  std::unique_ptr<UpdatePlan> plan_;  // or
  std::unique_ptr<Pipeline> pipeline_;
};

}  // namespace runtime::document
