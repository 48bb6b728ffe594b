#include <cstdio>

#include "bson/object_id.h"
#include "docstore/document/number.h"
#include "docstore/document/value.h"

namespace runtime::document {

namespace {

// Writes values until the text is as long as it may be.
class Text {
 public:
  explicit Text(std::size_t limit) : limit_(limit) {}

  void add(const Value& value) {
    switch (value.type) {
      case Type::real: {
        const std::string digits = real_text(value.real());
        out_ += digits;
        if (digits.find_first_not_of("-0123456789") == std::string::npos) out_ += ".0";
        break;
      }
      case Type::int32:
      case Type::int64: out_ += std::to_string(value.integer()); break;
      case Type::decimal128: wrap("NumberDecimal('", decimal_text(decimal_of(value)), "')"); break;
      case Type::boolean: out_ += value.boolean() ? "true" : "false"; break;
      case Type::string:
      case Type::symbol:
      case Type::code: wrap("\"", value.text(), "\""); break;
      case Type::date: wrap("new Date(", std::to_string(value.date()), ")"); break;
      case Type::timestamp: {
        const auto stamp = bson::number_at<std::uint64_t>(value.bytes.data());
        wrap("Timestamp(", std::to_string(stamp >> 32) + ", " + std::to_string(stamp & 0xffffffff),
             ")");
        break;
      }
      case Type::object_id: {
        char digits[2 * bson::kObjectIdBytes];
        bson::format_object_id(value.bytes.data(), digits);
        wrap("ObjectId('", {digits, sizeof digits}, "')");
        break;
      }
      case Type::binary: add_binary(value.bytes); break;
      case Type::regex: {
        const bson::Regex regex = bson::regex_of({value.type, {}, value.bytes});
        wrap("/", regex.pattern, "/");
        out_ += regex.options;
        break;
      }
      case Type::null: out_ += "null"; break;
      case Type::document: add_elements(value, '{', '}'); break;
      case Type::array: add_elements(value, '[', ']'); break;
      case Type::min_key: out_ += "MinKey"; break;
      case Type::max_key: out_ += "MaxKey"; break;
      default: out_ += type_name(value.type);
    }
  }

  std::string take() {
    if (out_.size() > limit_) out_.replace(limit_, std::string::npos, "...");
    return std::move(out_);
  }

 private:
  void wrap(std::string_view before, std::string_view text, std::string_view after) {
    out_.append(before).append(text.substr(0, limit_)).append(after);
  }

  void add_binary(std::string_view bytes) {
    const bson::Binary binary = bson::binary_of({Type::binary, {}, bytes});
    std::string digits;
    for (const char byte : binary.bytes.substr(0, limit_)) {
      char hex[3];
      std::snprintf(hex, sizeof hex, "%02X", static_cast<unsigned char>(byte));
      digits += hex;
    }
    wrap("BinData(", std::to_string(binary.subtype) + ", " + digits, ")");
  }

  void add_elements(const Value& value, char open, char close) {
    out_ += open;
    bson::Reader reader(value.bytes);
    bson::Element element;
    bool is_first = true;
    while (out_.size() <= limit_ && reader.next(&element)) {
      out_ += is_first ? " " : ", ";
      is_first = false;
      if (value.is_document()) out_.append(element.key).append(": ");
      add(Value(element));
    }
    if (!is_first) out_ += ' ';
    out_ += close;
  }

  const std::size_t limit_;
  std::string out_;
};

}  // namespace

std::string to_text(const Value& value, std::size_t limit) {
  Text text(limit);
  text.add(value);
  return text.take();
}

}  // namespace runtime::document
