#include "docstore/document/accumulator.h"

#include <cmath>
#include <optional>
#include <unordered_set>

#include "docstore/document/decimal_arithmetic.h"
#include "docstore/document/key.h"
#include "docstore/document/node.h"
#include "docstore/document/number.h"
#include "docstore/document/order.h"

namespace runtime::document {

namespace {

// The sum of doubles with what was lost in rounding: ten times 0.1 are 1.
class RealSum {
 public:
  void add(double number) {
    const double sum = sum_ + number, back = sum - sum_;
    if (std::isfinite(sum)) lost_ += (sum_ - (sum - back)) + (number - back);
    sum_ = sum;
  }
  void add(std::int64_t number) {
    const auto high = static_cast<double>(number >> 32) * 0x1p32;
    add(high);
    add(static_cast<double>(number & 0xffffffff));
  }
  double result() const { return sum_ + lost_; }

 private:
  double sum_ = 0, lost_ = 0;
};

// Integers stay integers while an int64 suffices; a double makes the sum a double, a decimal128 a decimal128.
class Sum : public Accumulator {
 public:
  bool add(const Value& value, CommandError*) override {
    if (!value.is_number()) return true;
    ++count_;
    if (value.type == Type::decimal128) {
      decimals_ = document::add(decimals_.value_or(Decimal{}), decimal_of(value));
    } else if (value.type == Type::real) {
      has_real_ = true;
      reals_.add(value.real());
    } else {
      add_integer(value);
    }
    return true;
  }
  OwnedValue result() override {
    if (decimals_) return decimal_value(decimal_result());
    return has_real_ ? OwnedValue::real(real_result()) : integers_;
  }

 protected:
  double real_result() const {
    RealSum sum = reals_;
    sum.add(integers_.view().integer());
    return sum.result();
  }
  Decimal decimal_result() const {
    const Decimal sum = document::add(*decimals_, to_decimal(integers_.view()));
    return has_real_ ? document::add(sum, to_decimal(OwnedValue::real(reals_.result()).view()))
                     : sum;
  }

  std::int64_t count_ = 0;
  std::optional<Decimal> decimals_;

 private:
  void add_integer(const Value& value) {
    std::optional<OwnedValue> sum = calculate(Arithmetic::add, integers_.view(), value);
    if (sum) {
      integers_ = std::move(*sum);
      return;
    }
    // An int64 does not suffice.
    has_real_ = true;
    reals_.add(integers_.view().integer());
    integers_ = OwnedValue(value);
  }

  OwnedValue integers_ = OwnedValue::int32(0);
  RealSum reals_;
  bool has_real_ = false;
};

class Average : public Sum {
 public:
  OwnedValue result() override {
    if (count_ == 0) return OwnedValue::null();
    if (decimals_)
      return decimal_value(divide(decimal_result(), to_decimal(OwnedValue::int64(count_).view())));
    return OwnedValue::real(real_result() / static_cast<double>(count_));
  }
};

// The least value, or the greatest; null and what is missing do not count.
class Extreme : public Accumulator {
 public:
  explicit Extreme(int sign) : sign_(sign) {}
  bool add(const Value& value, CommandError*) override {
    if (value.is_nullish()) return true;
    if (best_.view().is_missing() || compare(value, best_.view()) * sign_ > 0)
      best_ = OwnedValue(value);
    return true;
  }
  OwnedValue result() override { return best_.view().is_missing() ? OwnedValue::null() : best_; }
  std::size_t bytes() const override { return 64 + best_.bytes().size(); }

 private:
  const int sign_;
  OwnedValue best_;
};

class Edge : public Accumulator {
 public:
  explicit Edge(bool first) : first_(first) {}
  bool add(const Value& value, CommandError*) override {
    if (!has_ || !first_) value_ = value.is_missing() ? OwnedValue::null() : OwnedValue(value);
    has_ = true;
    return true;
  }
  OwnedValue result() override { return has_ ? value_ : OwnedValue::null(); }
  std::size_t bytes() const override { return 64 + value_.bytes().size(); }

 private:
  const bool first_;
  bool has_ = false;
  OwnedValue value_;
};

class Collect : public Accumulator {
 public:
  explicit Collect(bool once) : once_(once), root_(writer_.open()) {}
  bool add(const Value& value, CommandError*) override {
    if (value.is_missing()) return true;
    if (once_ && !keys_.insert(key_of(value)).second) return true;
    write(writer_, index_.next(), value);
    return true;
  }
  OwnedValue result() override {
    writer_.close(root_);
    return OwnedValue::written(Type::array, writer_);
  }
  std::size_t bytes() const override { return (once_ ? 3 : 1) * writer_.bytes().size() + 1024; }

 private:
  const bool once_;
  std::unordered_set<std::string> keys_;
  bson::Writer writer_;
  bson::ArrayKey index_;
  const std::size_t root_;
};

class Merge : public Accumulator {
 public:
  bool add(const Value& value, CommandError* error) override {
    if (value.is_nullish()) return true;
    if (!value.is_document()) {
      return refuse(error, location(40400),
                    {"$mergeObjects requires object inputs, but input ", to_text(value),
                     " is of type ", type_name(value.type)});
    }
    bson::Reader reader(value.bytes);
    bson::Element element;
    while (reader.next(&element)) {
      bytes_ += sizeof(Node::Member) + element.key.size() + element.value.size();
      Node fresh{OwnedValue(Value(element))};
      Node* old = root_.find(element.key);
      old != nullptr ? * old = std::move(fresh) : root_.append(element.key, std::move(fresh));
    }
    return true;
  }
  OwnedValue result() override { return OwnedValue(root_.view()); }
  std::size_t bytes() const override { return bytes_; }

 private:
  std::size_t bytes_ = 64;
  Node root_ = Node::empty(Type::document);
};

}  // namespace

std::unique_ptr<Accumulator> make_accumulator(std::string_view name) {
  if (name == "$sum") return std::make_unique<Sum>();
  if (name == "$avg") return std::make_unique<Average>();
  if (name == "$min") return std::make_unique<Extreme>(-1);
  if (name == "$max") return std::make_unique<Extreme>(1);
  if (name == "$first") return std::make_unique<Edge>(true);
  if (name == "$last") return std::make_unique<Edge>(false);
  if (name == "$push") return std::make_unique<Collect>(false);
  if (name == "$addToSet") return std::make_unique<Collect>(true);
  if (name == "$mergeObjects") return std::make_unique<Merge>();
  return nullptr;
}

}  // namespace runtime::document
