// A pipeline of aggregate: stages, each of which takes the documents of the one before.
//
//   std::optional<Pipeline> pipeline = Pipeline::parse(stages, options, &error);
//   auto run = pipeline->start(callbacks);
//   for each document:  if (!run->push(document, &error)) ...   // until !run->wants_more()
//   run->finish(&error)
//
// Stages: $match $sort $skip $limit $project $addFields $set $unset $group $count $unwind $lookup $replaceRoot
// $replaceWith $sortByCount. Another one is MongoDB's error 40324.
//
// Threads:   a parsed Pipeline may be used by several threads at once; a run by one.
// Ownership: a Pipeline copies what it needs; a run must not outlive it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "docstore/document/error.h"
#include "docstore/document/filter.h"
#include "docstore/document/update.h"

namespace runtime::document {

class Constants;
class Stage;

// What a pipeline needs of the store.
struct Surroundings {
  Clock clock;
  // Gives each document of a collection of the same database that matches `filter` (an index may serve it) to `take`,
  // until that returns false.
  std::function<bool(const std::string& collection, const Filter& filter,
                     const std::function<bool(std::string_view document)>& take,
                     CommandError* error)>
      read;
};

class Pipeline {
 public:
  ~Pipeline();
  Pipeline(Pipeline&& other) noexcept;
  Pipeline& operator=(Pipeline&& other) noexcept;

  // `stages` is an array. `constants` (or null) are what its expressions may use.
  static std::optional<Pipeline> parse(std::string_view stages, CommandError* error,
                                       const Constants* constants = nullptr);

  // The filter of a leading $match, or null: the store may use an index for it. The pipeline still matches itself.
  const Filter* leading_match() const;

  class Run {
   public:
    virtual ~Run() = default;
    // Takes a document of the collection. False: refused.
    virtual bool push(std::string_view document, CommandError* error) = 0;
    // False: further documents change nothing.
    virtual bool wants_more() const = 0;
    // No more documents. What was held back (sorted, grouped) comes out now.
    virtual bool finish(CommandError* error) = 0;
  };
  // `out` takes what comes out.
  std::unique_ptr<Run> start(
      Surroundings surroundings,
      std::function<bool(std::string_view document, CommandError* error)> out) const;

 private:
  explicit Pipeline(std::vector<std::unique_ptr<Stage>> stages);
  std::vector<std::unique_ptr<Stage>> stages_;
};

}  // namespace runtime::document
