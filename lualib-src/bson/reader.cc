#include "bson/reader.h"

#include <cstdio>

namespace runtime::bson {

namespace {

// The parts of a value, one after the other. Once one is wrong, the rest is not looked at.
class Measure {
 public:
  Measure(std::string_view bytes, Error* error) : bytes_(bytes), error_(error) {}

  // The next `size` bytes.
  void skip(std::int64_t size) {
    if (error_->fault != Fault::none) return;
    const auto left = static_cast<std::int64_t>(bytes_.size() - done_);
    if (size < 0 || size > left) {
      *error_ = {Fault::block, left, size};
    } else {
      done_ += static_cast<std::size_t>(size);
    }
  }

  // An int32; 0 when it is cut.
  std::int32_t int32() {
    skip(4);
    return error_->fault != Fault::none ? 0 : number_at<std::int32_t>(bytes_.data() + done_ - 4);
  }

  void cstring() {
    if (error_->fault != Fault::none) return;
    const std::size_t zero = bytes_.find('\0', done_);
    if (zero == std::string_view::npos) {
      *error_ = {Fault::key, 0, 0};
    } else {
      done_ = zero + 1;
    }
  }

  void string() {
    const std::int32_t size = int32();
    if (error_->fault != Fault::none) return;
    if (size < 1) {
      *error_ = {Fault::string_length, 0, size};
      return;
    }
    skip(size);
    if (error_->fault == Fault::none && bytes_[done_ - 1] != '\0') {
      *error_ = {Fault::string_end, 0, 0};
    }
  }

  void document() {
    const std::int64_t size = int32();
    if (error_->fault != Fault::none) return;
    if (size < static_cast<std::int64_t>(kSmallestDocument)) {
      *error_ = {Fault::block, static_cast<std::int64_t>(bytes_.size() - done_ + 4), size};
    }
    skip(size - 4);
  }

  void code_with_scope() {
    const std::size_t begin = done_;
    const std::int64_t size = int32();
    string();
    document();
    const auto taken = static_cast<std::int64_t>(done_ - begin);
    if (error_->fault == Fault::none && taken != size) *error_ = {Fault::block, taken, size};
  }

  std::size_t size() const { return error_->fault == Fault::none ? done_ : 0; }

 private:
  std::string_view bytes_;
  Error* error_;
  std::size_t done_ = 0;
};

}  // namespace

std::size_t measure(Type type, std::string_view bytes, Error* error) noexcept {
  *error = {};
  Measure value(bytes, error);
  switch (type) {
    case Type::string:
    case Type::code:
    case Type::symbol: value.string(); break;
    case Type::document:
    case Type::array: value.document(); break;
    case Type::binary: {
      const std::int64_t size = value.int32();
      value.skip(1);
      value.skip(size);
      break;
    }
    case Type::regex:
      value.cstring();
      value.cstring();
      break;
    case Type::db_pointer:
      value.string();
      value.skip(kObjectIdBytes);
      break;
    case Type::code_with_scope: value.code_with_scope(); break;
    default: {
      const auto code = static_cast<std::uint8_t>(type);
      const std::uint8_t fixed = kFixedBytes.bytes[code];
      if (fixed == kNotFixed) {
        *error = {Fault::type, 0, code};
      } else {
        value.skip(fixed);
      }
    }
  }
  return value.size();
}

Error check(std::string_view bytes, int depth) noexcept {
  if (depth <= 0) return {Fault::depth, 0, depth};
  Reader reader(bytes);
  Element element;
  while (reader.next(&element)) {
    std::string_view inner = element.value;
    if (element.type == Type::code_with_scope) {
      inner.remove_prefix(4);
      inner.remove_prefix(4 + number_at<std::uint32_t>(inner.data()));
    } else if (element.type != Type::document && element.type != Type::array) {
      continue;
    }
    const Error error = check(inner, depth - 1);
    if (error.fault != Fault::none) return error;
  }
  return reader.error();
}

void describe(const Error& error, char* text) noexcept {
  const auto have = static_cast<long long>(error.have);
  const auto need = static_cast<long long>(error.need);
  const auto say = [text](const char* format, auto... values) {
    std::snprintf(text, kErrorText, format, values...);
  };
  switch (error.fault) {
    case Fault::none: say("%s", "no error"); break;
    case Fault::block: say("Invalid bson block (%lld:%lld)", have, need); break;
    case Fault::key: say("%s", "Invalid bson block : cstring"); break;
    case Fault::end: say("%s", "Invalid document end"); break;
    case Fault::string_length: say("Invalid bson string , length = %lld", need); break;
    case Fault::string_end: say("%s", "Invalid bson string , no zero byte at its end"); break;
    case Fault::type: say("Invalid bson type : %lld", need); break;
    case Fault::depth: say("%s", "Too depth while decoding bson"); break;
  }
}

}  // namespace runtime::bson
