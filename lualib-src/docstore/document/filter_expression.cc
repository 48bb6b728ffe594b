#include "docstore/document/filter_expression.h"

#include <chrono>

#include "docstore/document/constants.h"
#include "docstore/document/expression.h"

namespace runtime::document {

namespace {

Clock now() {
  using namespace std::chrono;
  return {duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count(), 0};
}

class OfExpression : public FilterNode {
 public:
  OfExpression(std::unique_ptr<Expression> expression, std::vector<PathBound> bounds)
      : expression_(std::move(expression)), bounds_(std::move(bounds)), clock_(now()) {}

  bool matches(const Value& root, MatchDetails* details) const override {
    Scope scope{root, clock_};
    OwnedValue result;
    CommandError error;
    if (expression_->evaluate(scope, &result, &error)) return result.view().is_true();
    details->failure = std::make_unique<CommandError>(std::move(error));
    return false;
  }
  void add_bounds(const std::string& prefix, std::vector<PathBound>* out) const override {
    if (prefix.empty()) out->insert(out->end(), bounds_.begin(), bounds_.end());
  }
  bool has_expression() const override { return true; }

 private:
  const std::unique_ptr<Expression> expression_;
  const std::vector<PathBound> bounds_;
  const Clock clock_;
};

// {$eq: ["$a.b", VALUE]}, where VALUE is the same for all documents, and {$and: [...]} of these: what an index can look
// for. An array is no such value (an index has its elements), nor is null, which stands for what is missing there.
class Bounds {
 public:
  explicit Bounds(const Constants* constants) : constants_(constants) {}

  void add(const Value& spec, std::vector<PathBound>* out) const {
    const bson::Element first =
        spec.is_document() ? first_element(spec.bytes) : bson::Element{kMissing, {}, {}};
    if (first.type != Type::array) return;
    bson::Reader reader(first.value);
    bson::Element element;
    if (first.key == "$and") {
      while (reader.next(&element)) add(Value(element), out);
    } else if (first.key == "$eq" && count_elements(first.value) == 2) {
      const Value left = field(first.value, "0"), right = field(first.value, "1");
      if (!add_equal(left, right, out)) add_equal(right, left, out);
    }
  }

 private:
  bool add_equal(const Value& path_text, const Value& operand, std::vector<PathBound>* out) const {
    if (path_text.type != Type::string || !path_text.text().starts_with('$') ||
        path_text.text().starts_with("$$")) {
      return false;
    }
    const Path path(path_text.text().substr(1));
    const OwnedValue value = constant(operand);
    if (path.has_number() || value.view().is_nullish() || value.view().is_array()) return false;
    PathBound bound;
    bound.path = path.text();
    bound.is_points = true;
    bound.ranges.push_back(KeyRange::point(value.view()));
    out->push_back(std::move(bound));
    return true;
  }

  // What is missing stands for what is not known.
  OwnedValue constant(const Value& operand) const {
    if (operand.is_container()) return {};
    if (operand.type != Type::string || !operand.text().starts_with('$'))
      return OwnedValue(operand);
    if (constants_ == nullptr || !operand.text().starts_with("$$")) return {};
    const std::string_view name = operand.text().substr(2);
    const OwnedValue* const found = constants_->find(name);
    return found != nullptr ? *found : OwnedValue();
  }

  const Constants* const constants_;
};

}  // namespace

std::unique_ptr<FilterNode> parse_expression_filter(const Value& spec, const Constants* constants,
                                                    CommandError* error) {
  std::unique_ptr<Expression> expression = ExpressionParser(error, constants).parse(spec);
  if (expression == nullptr) return nullptr;
  std::vector<PathBound> bounds;
  Bounds(constants).add(spec, &bounds);
  return std::make_unique<OfExpression>(std::move(expression), std::move(bounds));
}

}  // namespace runtime::document
