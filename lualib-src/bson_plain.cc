#include "bson_plain.h"

#include "base/short_bytes.h"
#include "base/utf8.h"
#include "bson_encode.h"
#include "bson_special.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

using bson::Type;

bool put_table(bson::Writer& writer, std::string_view key, const RawTable& table, int depth);

[[gnu::always_inline]] inline bool put_value(bson::Writer& writer, std::string_view key,
                                             const RawValue& value, int depth) {
  switch (value.kind()) {
    case RawKind::string: {
      const std::string_view text = value.text();
      if (is_special(text) || (!is_ascii<Zero::allowed>(text) && !is_utf8(text))) return false;
      writer.string(key, text);
      return true;
    }
    case RawKind::integer: put_integer(writer, key, value.integer()); return true;
    case RawKind::real: put_real(writer, key, value.real()); return true;
    case RawKind::boolean: writer.boolean(key, value.boolean()); return true;
    case RawKind::table: return put_table(writer, key, value.table(), depth + 1);
    default: return false;
  }
}

bool put_pairs(bson::Writer& writer, const RawTable& table, int depth) {
  const RawEntry* entry = table.entries();
  for (const RawEntry* const end = entry + table.entry_count(); entry != end; ++entry) {
    if (entry->is_empty()) continue;
    const RawValue key = entry->key();
    if (key.kind() != RawKind::string || bson::key_fault(key.text()) != bson::KeyFault::none)
      return false;
    if (!put_value(writer, key.text(), entry->value(), depth)) return false;
  }
  return true;
}

bool put_array(bson::Writer& writer, const RawTable& table, std::size_t length, int depth) {
  bson::ArrayKey key;
  const RawValue* value = table.array();
  for (const RawValue* const end = value + length; value != end; ++value) {
    if (!put_value(writer, key.next(), *value, depth)) return false;
  }
  return true;
}

// The length of a table, 0 for one that is written as a document. False when that is not plain.
bool find_length(const RawTable& table, std::size_t* length) {
  return !table.has_metatable() && !has_zero(table) && raw_length(table, length) &&
         (*length == 0 || !has_index(table, *length + 1));
}

// `depth`: how many tables it lies in.
bool put_table(bson::Writer& writer, std::string_view key, const RawTable& table, int depth) {
  std::size_t length;
  if (depth > kMaxEncodeDepth || !find_length(table, &length)) return false;
  const std::size_t opened = writer.open(length > 0 ? Type::array : Type::document, key);
  if (!(length > 0 ? put_array(writer, table, length, depth) : put_pairs(writer, table, depth)))
    return false;
  writer.close(opened);
  return true;
}

}  // namespace

bool put_plain_document(bson::Writer& writer, const RawTable& table) {
  std::size_t length;
  if (!find_length(table, &length) || length > 0) return false;
  const std::size_t opened = writer.open();
  if (!put_pairs(writer, table, 0)) return false;
  writer.close(opened);
  return true;
}

}  // namespace runtime::RUNTIME_ENGINE
