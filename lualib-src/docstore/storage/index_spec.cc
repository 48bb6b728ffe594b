#include "docstore/storage/index_spec.h"

#include <algorithm>

#include "bson/reader.h"
#include "bson/writer.h"
#include "docstore/document/path.h"
#include "docstore/document/value.h"

namespace runtime::docstore {

using document::Code;
using document::CommandError;
using document::refuse;
using document::Value;

namespace {

constexpr std::size_t kMostPaths = 32;
constexpr double kMostSeconds = 2147483647;

bool parse_direction(const bson::Element& element, IndexSpec* out, CommandError* error) {
  const Value value(element);
  IndexPath path;
  path.path = element.key;
  if (value.is_number() && value.type != bson::Type::decimal128 && value.real() != 0 &&
      !value.is_nan()) {
    path.descending = value.real() < 0;
  } else if (value.type == bson::Type::string && value.text() == "2d") {
    out->is_place = true;
  } else if (value.type == bson::Type::string && value.text() == "hashed") {
    // Found by equality, as there.
  } else if (value.type == bson::Type::string) {
    const std::string_view kind = value.text();
    const bool is_one = kind == "text" || kind == "2dsphere" || kind == "geoHaystack";
    return refuse(error, is_one ? Code::not_implemented : Code::cannot_create_index,
                  {is_one ? "Indexes of this kind are not kept here: " : "Unknown index plugin '",
                   kind, is_one ? "" : "'"});
  } else {
    return refuse(
        error, Code::cannot_create_index,
        {"Values in v:2 index key pattern cannot be of type ", document::type_name(value.type),
         ". Only numbers > 0, numbers < 0, and strings are allowed."});
  }
  if (path.path.empty())
    return refuse(error, Code::cannot_create_index, {"Index keys cannot be an empty field."});
  if (path.path.find("$**") != std::string::npos) {
    return refuse(error, Code::not_implemented,
                  {"Wildcard indexes are not kept here: ", path.path});
  }
  if (path.path.starts_with('.') || path.path.ends_with('.') ||
      path.path.find("..") != std::string::npos) {
    return refuse(error, Code::cannot_create_index, {"Index keys cannot contain an empty field."});
  }
  if (path.path.starts_with('$') || path.path.find(".$") != std::string::npos) {
    return refuse(error, Code::cannot_create_index,
                  {"Index key contains an illegal field name: field name starts with '$'."});
  }
  path.has_number = document::Path(path.path).has_number();
  out->paths.push_back(std::move(path));
  return true;
}

bool parse_key(const Value& key, IndexSpec* out, CommandError* error) {
  if (!key.is_document()) {
    return refuse(error, key.is_missing() ? Code::failed_to_parse : Code::type_mismatch,
                  {"The field 'key' must be an object, but got ", document::type_name(key.type)});
  }
  bson::Reader reader(key.bytes);
  bson::Element element;
  while (reader.next(&element)) {
    if (!parse_direction(element, out, error)) return false;
  }
  if (out->paths.empty())
    return refuse(error, Code::cannot_create_index, {"Index keys cannot be empty."});
  if (out->paths.size() > kMostPaths) {
    return refuse(error, document::location(13103), {"too many compound keys"});
  }
  out->key = key.bytes;
  return true;
}

bool parse_flag(const bson::Element& element, bool* flag, CommandError* error) {
  const Value value(element);
  if (value.type != bson::Type::boolean && !value.is_number()) {
    return refuse(error, Code::type_mismatch,
                  {"The field '", element.key, "' must be a boolean, but got ",
                   document::type_name(value.type)});
  }
  *flag = value.is_true();
  return true;
}

bool parse_expiry(const Value& value, IndexSpec* out, CommandError* error) {
  if (!value.is_number() || value.type == bson::Type::decimal128) {
    return refuse(error, Code::type_mismatch,
                  {"The field 'expireAfterSeconds' must be a number, but got ",
                   document::type_name(value.type)});
  }
  const double seconds = value.real();
  if (!(seconds >= 0 && seconds <= kMostSeconds)) {
    return refuse(error, Code::cannot_create_index,
                  {"TTL index 'expireAfterSeconds' option must be within an acceptable range, try "
                   "a different "
                   "number than ",
                   document::to_text(value)});
  }
  out->expire_after_seconds = static_cast<std::int64_t>(seconds);
  return true;
}

bool parse_option(const bson::Element& element, IndexSpec* out, CommandError* error) {
  const Value value(element);
  const std::string_view name = element.key;
  if (name == "unique") return parse_flag(element, &out->unique, error);
  if (name == "sparse") return parse_flag(element, &out->sparse, error);
  if (name == "expireAfterSeconds") return parse_expiry(value, out, error);
  if (name == "partialFilterExpression") {
    if (!value.is_document()) {
      return refuse(error, Code::type_mismatch,
                    {"The field 'partialFilterExpression' must be an object"});
    }
    auto filter = document::Filter::parse(value.bytes, error);
    if (!filter) return false;
    if (filter->has_expression()) {
      return refuse(error, Code::cannot_create_index,
                    {"unsupported expression in partial index: $expr"});
    }
    out->partial = std::make_shared<const document::Filter>(std::move(*filter));
    return true;
  }
  if (name == "collation") {
    const Value locale = value.is_document() ? document::field(value.bytes, "locale") : Value();
    if (locale.type == bson::Type::string && locale.text() == "simple") return true;
    return refuse(error, Code::not_implemented, {"Collations are not kept here"});
  }
  if (name == "hidden") {
    if (!value.is_true()) return true;
    return refuse(error, Code::not_implemented, {"Hidden indexes are not kept here"});
  }
  // Where only other kinds of servers and engines know more, or what has no effect since long.
  static constexpr std::string_view kIgnored[] = {
      "v",   "background",          "ns", "key", "name", "storageEngine", "dropDups", "bits", "min",
      "max", "2dsphereIndexVersion"};
  if (std::ranges::find(kIgnored, name) != std::end(kIgnored)) return true;
  return refuse(error, Code::invalid_index_specification_option,
                {"The field '", name, "' is not valid for an index specification. Specification: ",
                 document::to_text(document::document_value(out->document))});
}

bool parse_name(const Value& name, IndexSpec* out, CommandError* error) {
  if (name.is_missing()) {
    return refuse(error, Code::failed_to_parse,
                  {"The 'name' field is a required property of an index specification"});
  }
  if (name.type != bson::Type::string) {
    return refuse(error, Code::type_mismatch,
                  {"The field 'name' must be a string, but got ", document::type_name(name.type)});
  }
  if (name.text().empty())
    return refuse(error, Code::cannot_create_index, {"index name cannot be empty"});
  if (name.text() == "*")
    return refuse(error, Code::bad_value, {"The index name '*' is not valid."});
  out->name = name.text();
  return true;
}

// As listIndexes shows it: version, keys and name first.
std::string arranged(const IndexSpec& index, std::string_view spec) {
  bson::Writer writer;
  const std::size_t root = writer.open();
  writer.int32("v", 2);
  writer.raw(bson::Type::document, "key", index.key);
  writer.string("name", index.name);
  bson::Reader reader(spec);
  bson::Element element;
  while (reader.next(&element)) {
    static constexpr std::string_view kElsewhere[] = {"v",        "key",    "name",     "ns",
                                                      "dropDups", "hidden", "collation"};
    if (std::ranges::find(kElsewhere, element.key) != std::end(kElsewhere)) continue;
    document::write(writer, element.key, Value(element));
  }
  writer.close(root);
  return std::string(writer.bytes());
}

}  // namespace

std::optional<IndexSpec> parse_index(std::string_view spec, CommandError* error) {
  IndexSpec out;
  out.document = spec;
  if (!parse_key(document::field(spec, "key"), &out, error)) return std::nullopt;
  const Value name = document::field(spec, "name");
  if (!parse_name(name, &out, error)) return std::nullopt;
  bson::Reader reader(spec);
  bson::Element element;
  while (reader.next(&element)) {
    if (!parse_option(element, &out, error)) return std::nullopt;
  }
  if (out.sparse && out.partial) {
    refuse(error, Code::cannot_create_index,
           {"cannot mix \"partialFilterExpression\" and \"sparse\" options"});
    return std::nullopt;
  }
  if (out.expire_after_seconds && out.paths.size() > 1) {
    refuse(
        error, Code::cannot_create_index,
        {"TTL indexes are single-field indexes, compound indexes do not support TTL. Index spec: ",
         document::to_text(document::document_value(spec))});
    return std::nullopt;
  }
  out.document = arranged(out, spec);
  return out;
}

std::string id_index_document() {
  bson::Writer writer;
  const std::size_t root = writer.open();
  writer.int32("v", 2);
  const std::size_t key = writer.open(bson::Type::document, "key");
  writer.int32("_id", 1);
  writer.close(key);
  writer.string("name", "_id_");
  writer.close(root);
  return std::string(writer.bytes());
}

}  // namespace runtime::docstore
