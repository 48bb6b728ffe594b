// A stage that does the same to each document, and keeps nothing back.
#pragma once

#include <memory>
#include <utility>

#include "docstore/document/stage.h"

namespace runtime::document {

// Work::run() gets each document, and passes on what it likes. Work::filter, if there: what Stage::match() gives.
template <class Work>
class EachStage : public Stage {
 public:
  explicit EachStage(Work work) : work_(std::move(work)) {}
  std::unique_ptr<StageRun> start(const Surroundings& surroundings,
                                  Pipeline::Run* next) const override {
    return std::make_unique<Run>(work_, surroundings, next);
  }
  const Filter* match() const override {
    if constexpr (requires { work_.filter; }) return &work_.filter;
    return nullptr;
  }

 private:
  class Run : public StageRun {
   public:
    Run(const Work& work, const Surroundings& surroundings, Pipeline::Run* next)
        : StageRun(next), work_(work), surroundings_(surroundings) {}
    bool push(std::string_view document, CommandError* error) override {
      return work_.run(document, surroundings_.clock, *next_, error);
    }

   private:
    const Work& work_;
    const Surroundings& surroundings_;
  };
  const Work work_;
};
template <class Work>
std::unique_ptr<Stage> each(Work work) {
  return std::make_unique<EachStage<Work>>(std::move(work));
}

}  // namespace runtime::document
