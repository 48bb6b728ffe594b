#include "docstore/document/pipeline.h"

#include "docstore/document/stage.h"

namespace runtime::document {

namespace {

constexpr std::size_t kMostStages = 1000;

// The end of the chain.
class Out : public Pipeline::Run {
 public:
  using Take = std::function<bool(std::string_view document, CommandError* error)>;
  explicit Out(Take take) : take_(std::move(take)) {}
  bool push(std::string_view document, CommandError* error) override {
    // A little more than what may be stored, as MongoDB has it for answers.
    if (document.size() > kLargestStoredBytes + 16384) {
      return refuse(error, Code::object_too_large,
                    {"BSONObj size: ", std::to_string(document.size()),
                     " is invalid. Size must be between 0 and 16793600(16MB)"});
    }
    return take_(document, error);
  }
  bool wants_more() const override { return true; }
  bool finish(CommandError*) override { return true; }

 private:
  const Take take_;
};

class Chain : public Pipeline::Run {
 public:
  Chain(Surroundings surroundings, Out::Take take)
      : surroundings_(std::move(surroundings)), out_(std::move(take)), first_(&out_) {}

  // From the last stage to the first.
  void put_before(const Stage& stage) {
    runs_.push_back(stage.start(surroundings_, first_));
    first_ = runs_.back().get();
  }

  bool push(std::string_view document, CommandError* error) override {
    return first_->push(document, error);
  }
  bool wants_more() const override { return first_->wants_more(); }
  bool finish(CommandError* error) override { return first_->finish(error); }

 private:
  const Surroundings surroundings_;
  Out out_;
  std::vector<std::unique_ptr<StageRun>> runs_;
  Pipeline::Run* first_;
};

}  // namespace

Pipeline::Pipeline(std::vector<std::unique_ptr<Stage>> stages) : stages_(std::move(stages)) {}
Pipeline::~Pipeline() = default;
Pipeline::Pipeline(Pipeline&& other) noexcept = default;
Pipeline& Pipeline::operator=(Pipeline&& other) noexcept = default;

std::optional<Pipeline> Pipeline::parse(std::string_view stages, CommandError* error,
                                        const Constants* constants) {
  std::vector<std::unique_ptr<Stage>> parsed;
  bson::Reader reader(stages);
  bson::Element element;
  while (reader.next(&element)) {
    if (element.type != Type::document) {
      refuse(error, Code::type_mismatch,
             {"Each element of the 'pipeline' array must be an object"});
      return {};
    }
    if (count_elements(element.value) != 1) {
      refuse(error, location(40323),
             {"A pipeline stage specification object must contain exactly one field."});
      return {};
    }
    std::unique_ptr<Stage> stage = parse_stage(first_element(element.value), constants, error);
    if (stage == nullptr) return {};
    parsed.push_back(std::move(stage));
    if (parsed.size() > kMostStages) {
      refuse(error, location(5054701),
             {"Pipeline length must be no longer than ", std::to_string(kMostStages), " stages"});
      return {};
    }
  }
  // A sort keeps no more than what a limit behind it lets pass.
  for (std::size_t i = 0; i + 1 < parsed.size(); ++i) {
    const std::optional<std::uint64_t> skip = parsed[i + 1]->skip();
    const std::size_t at = i + (skip ? 2 : 1);
    const std::optional<std::uint64_t> limit =
        at < parsed.size() ? parsed[at]->limit() : std::nullopt;
    std::uint64_t sum = 0;
    if (limit && !__builtin_add_overflow(*limit, skip.value_or(0), &sum)) parsed[i]->cut(sum);
  }
  return Pipeline(std::move(parsed));
}

const Filter* Pipeline::leading_match() const {
  return stages_.empty() ? nullptr : stages_[0]->match();
}

std::unique_ptr<Pipeline::Run> Pipeline::start(Surroundings surroundings, Out::Take out) const {
  auto chain = std::make_unique<Chain>(std::move(surroundings), std::move(out));
  for (auto stage = stages_.rbegin(); stage != stages_.rend(); ++stage) chain->put_before(**stage);
  return chain;
}

}  // namespace runtime::document
