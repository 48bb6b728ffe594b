#include "sproto/schema.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "sproto/wire.h"

namespace runtime::sproto {

namespace {

constexpr int kMaxTag = 0x7fff;
constexpr int kMaxDecimals = 18;  // beyond, 10 to that power does not fit 64 bits

// Calls `element` with the bytes of each element of an array of structs; false when the array is damaged, or when it
// says so.
template <class Element>
bool each_struct(std::string_view array, const Element& element) {
  while (!array.empty()) {
    std::string_view bytes;
    if (!take_part(array, &bytes) || !element(bytes)) return false;
  }
  return true;
}

// The values of a struct by tag, as far as a bundle's structs have them.
class Row {
 public:
  static std::optional<Row> read(std::string_view bytes) {
    std::optional<StructReader> reader = StructReader::open(bytes);
    if (!reader) return std::nullopt;
    Row row;
    StructReader::Value value;
    Step step;
    while ((step = reader->next(&value)) == Step::value) {
      if (value.tag >= kTags) return std::nullopt;
      if (value.is_part) {
        row.parts_[value.tag] = value.part;
      } else {
        row.numbers_[value.tag] = value.number;
      }
    }
    if (step == Step::broken || reader->used() != bytes.size()) return std::nullopt;
    return row;
  }

  // Numbers beyond kMaxInline stand in a data part.
  std::optional<int> number(int tag) const {
    if (!parts_[tag] || parts_[tag]->size() != sizeof(std::int32_t)) return numbers_[tag];
    return load<std::int32_t>(parts_[tag]->data());
  }
  // Empty where there is none.
  std::string_view part(int tag) const { return parts_[tag].value_or(std::string_view()); }

 private:
  static constexpr int kTags = 7;
  std::optional<int> numbers_[kTags];
  std::optional<std::string_view> parts_[kTags];
};

}  // namespace

class SchemaLoader {
 public:
  explicit SchemaLoader(Schema& schema) : schema_(schema) {}

  bool load(std::string_view bundle) {
    const std::optional<Row> group = Row::read(bundle);
    if (!group) return false;
    const std::string_view types = group->part(0);
    // Types refer to each other by index, also to later ones: first there is room for all of them.
    std::size_t count = 0;
    if (!each_struct(types, [&](std::string_view) { return ++count < kMaxBytes; })) return false;
    schema_.types_.resize(count);
    std::size_t index = 0;
    return each_struct(types, [&](std::string_view bytes) { return load_type(bytes, index++); }) &&
           check_keys() &&
           each_struct(group->part(1),
                       [&](std::string_view bytes) { return load_protocol(bytes); }) &&
           index_protocols();
  }

 private:
  bool load_type(std::string_view bytes, std::size_t index) {
    const std::optional<Row> row = Row::read(bytes);
    if (!row || row->part(0).empty()) return false;
    Type& type = schema_.types_[index];
    type.name = row->part(0);
    if (!each_struct(row->part(1),
                     [&](std::string_view field) { return load_field(field, type); })) {
      return false;
    }
    // A word for each field, and one before it where tags are left out.
    int last = -1;
    type.max_words = type.fields.size();
    for (const Field& field : type.fields) {
      if (field.tag != last + 1) ++type.max_words;
      last = field.tag;
    }
    return schema_.types_by_name_.emplace(type.name, &type).second;
  }

  bool load_field(std::string_view bytes, Type& type) {
    const std::optional<Row> row = Row::read(bytes);
    if (!row || row->part(0).empty() || !row->number(3)) return false;
    Field field;
    field.name = row->part(0);
    field.tag = *row->number(3);
    if (field.tag < 0 || field.tag > kMaxTag ||
        (!type.fields.empty() && field.tag <= type.fields.back().tag))
      return false;
    if (!(row->number(1) ? load_builtin(*row->number(1), row->number(2), field)
                         : load_structure(row->number(2), field))) {
      return false;
    }
    field.array = row->number(4).value_or(0) != 0;
    field.map = row->number(6).value_or(0) != 0;
    field.key = row->number(5).value_or(-1);
    if (field.key >= 0 && (!field.array || field.type == nullptr)) return false;
    if (field.map && field.key < 0) return false;
    field.name_index = name_index(field.name);
    type.fields.push_back(std::move(field));
    return true;
  }

  static bool load_builtin(int builtin, std::optional<int> extra, Field& field) {
    switch (builtin) {
      case 0:
        field.kind = Kind::integer;
        if (extra && (*extra < 0 || *extra > kMaxDecimals)) return false;
        if (extra) field.scale = std::pow(10.0, *extra);
        return true;
      case 1: field.kind = Kind::boolean; return true;
      case 2:
        field.kind = Kind::string;
        field.binary = extra.value_or(0) == 1;
        return true;
      case 3: field.kind = Kind::real; return true;
      default: return false;
    }
  }

  bool is_type(int index) const {
    return index >= 0 && static_cast<std::size_t>(index) < schema_.types_.size();
  }

  bool load_structure(std::optional<int> index, Field& field) {
    if (!index || !is_type(*index)) return false;
    field.kind = Kind::structure;
    field.type = &schema_.types_[static_cast<std::size_t>(*index)];
    return true;
  }

  // Arrays with keys name a field of their elements, which may be of a later type. A key has one value.
  bool check_keys() const {
    for (const Type& type : schema_.types_) {
      for (const Field& field : type.fields) {
        if (field.key < 0) continue;
        const Field* key = field.type->find(field.key);
        if (key == nullptr || key->array || key->kind == Kind::structure) return false;
        if (field.map && (field.type->fields.size() != 2 || key != &field.type->fields[0]))
          return false;
      }
    }
    return true;
  }

  bool load_protocol(std::string_view bytes) {
    const std::optional<Row> row = Row::read(bytes);
    if (!row || row->part(0).empty() || !row->number(1)) return false;
    Protocol protocol;
    protocol.name = row->part(0);
    protocol.tag = *row->number(1);
    if (protocol.tag < 0 ||
        (!schema_.protocols_.empty() && protocol.tag <= schema_.protocols_.back().tag))
      return false;
    if (!content(row->number(2), &protocol.request) || !content(row->number(3), &protocol.response))
      return false;
    protocol.confirm = row->number(4).value_or(0) != 0;
    schema_.protocols_.push_back(std::move(protocol));
    return true;
  }

  bool content(std::optional<int> index, const Type** type) const {
    if (!index) return true;
    if (!is_type(*index)) return false;
    *type = &schema_.types_[static_cast<std::size_t>(*index)];
    return true;
  }

  bool index_protocols() {
    for (const Protocol& protocol : schema_.protocols_) {
      if (!schema_.protocols_by_name_.emplace(protocol.name, &protocol).second) return false;
    }
    return true;
  }

  int name_index(const std::string& name) {
    const auto [place, added] =
        name_indices_.emplace(name, static_cast<int>(schema_.names_.size()));
    if (added) schema_.names_.push_back(name);
    return place->second;
  }

  Schema& schema_;
  std::unordered_map<std::string, int> name_indices_;
};

std::shared_ptr<const Schema> Schema::load(std::string_view bundle) noexcept {
  const auto schema = std::make_shared<Schema>();
  if (!SchemaLoader(*schema).load(bundle)) return nullptr;
  return schema;
}

const Type* Schema::type(std::string_view name) const noexcept {
  const auto found = types_by_name_.find(name);
  return found == types_by_name_.end() ? nullptr : found->second;
}

const Protocol* Schema::protocol(std::string_view name) const noexcept {
  const auto found = protocols_by_name_.find(name);
  return found == protocols_by_name_.end() ? nullptr : found->second;
}

const Protocol* Schema::protocol(int tag) const noexcept {
  const auto found =
      std::lower_bound(protocols_.begin(), protocols_.end(), tag,
                       [](const Protocol& protocol, int wanted) { return protocol.tag < wanted; });
  return found != protocols_.end() && found->tag == tag ? &*found : nullptr;
}

}  // namespace runtime::sproto
