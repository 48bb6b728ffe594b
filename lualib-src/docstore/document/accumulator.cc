#include "docstore/document/accumulator.h"

#include <unordered_set>

#include "docstore/document/key.h"
#include "docstore/document/node.h"
#include "docstore/document/number.h"
#include "docstore/document/order.h"

namespace runtime::document {

namespace {

class Sum : public Accumulator {
 public:
  bool add(const Value& value, CommandError* error) override {
    if (!value.is_number()) return true;
    if (value.type == Type::decimal128) {
      return refuse(error, Code::not_implemented, {"a sum of decimal128 is not supported"});
    }
    ++count_;
    std::optional<OwnedValue> sum = calculate(Arithmetic::add, sum_.view(), value);
    sum_ = sum ? std::move(*sum) : OwnedValue::real(sum_.view().real() + value.real());
    return true;
  }
  OwnedValue result() override { return sum_; }

 protected:
  OwnedValue sum_ = OwnedValue::int32(0);
  std::int64_t count_ = 0;
};

class Average : public Sum {
 public:
  OwnedValue result() override {
    if (count_ == 0) return OwnedValue::null();
    return OwnedValue::real(sum_.view().real() / static_cast<double>(count_));
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
