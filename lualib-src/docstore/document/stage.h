// One stage of a pipeline.
#pragma once

#include <memory>

#include "docstore/document/expression.h"
#include "docstore/document/pipeline.h"

namespace runtime::document {

// Passes on to `next` what becomes of its documents.
class StageRun : public Pipeline::Run {
 public:
  explicit StageRun(Pipeline::Run* next) : next_(next) {}
  bool wants_more() const override { return next_->wants_more(); }
  bool finish(CommandError* error) override { return next_->finish(error); }

 protected:
  Pipeline::Run* const next_;
};

class Stage {
 public:
  virtual ~Stage() = default;
  // The run points to the stage, to `surroundings` and to `next`.
  virtual std::unique_ptr<StageRun> start(const Surroundings& surroundings,
                                          Pipeline::Run* next) const = 0;
  // Of a $match: its filter; else null.
  virtual const Filter* match() const { return nullptr; }
  // How many documents at the front pass, and how many are left out before them: $limit and $skip. Nothing: not known.
  virtual std::optional<std::uint64_t> limit() const { return {}; }
  virtual std::optional<std::uint64_t> skip() const { return {}; }
  // Says that no more than so many documents at the front are wanted.
  virtual void cut(std::uint64_t /*limit*/) {}
};

// Of {$match: {...}}. Null: refused. `element` is the stage's only field; `constants` (or null) are what its expressions
// may use.
std::unique_ptr<Stage> parse_stage(const bson::Element& element, const Constants* constants,
                                   CommandError* error);
// In stages_group.cc: $group, $sortByCount and $sort; in stage_lookup.cc and stage_unwind.cc: $lookup and $unwind.
std::unique_ptr<Stage> parse_group(const Value& spec, const Constants* constants,
                                   CommandError* error);
std::unique_ptr<Stage> parse_sort_by_count(const Value& spec, const Constants* constants,
                                           CommandError* error);
std::unique_ptr<Stage> parse_sort(const Value& spec, CommandError* error);
std::unique_ptr<Stage> parse_lookup(const Value& spec, const Constants* constants,
                                    CommandError* error);
std::unique_ptr<Stage> parse_unwind(const Value& spec, CommandError* error);

}  // namespace runtime::document
