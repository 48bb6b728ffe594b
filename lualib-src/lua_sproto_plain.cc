// sproto.core: tables that are read where the engine keeps them (lua/raw_table.h) to bytes.
#include <cmath>
#include <cstdlib>

#include "lua/raw_table.h"
#include "lua_sproto.h"
#include "scratch.h"
#include "sproto/header_writer.h"
#include "sproto/wire.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

using sproto::Field;
using sproto::Kind;
using sproto::Type;

constexpr std::size_t kKeepBytes = 256 * 1024;

// Bytes of a thread, for nothing that Lua can interrupt.
class Buffer {
 public:
  ~Buffer() { std::free(data_); }
  void clear() {
    size_ = 0;
    if (capacity_ <= kKeepBytes) return;
    std::free(data_);
    data_ = nullptr;
    capacity_ = 0;
  }
  // Room for `bytes` more; false when there is no memory, or it would be more than a struct may have.
  bool reserve(std::size_t bytes) {
    return bytes <= sproto::kMaxBytes - size_ && (bytes <= capacity_ - size_ || grow(bytes));
  }
  void add(std::size_t bytes) { size_ += bytes; }
  void shorten(std::size_t size) { size_ = size; }
  char* data() { return data_; }
  char* end() { return data_ + size_; }
  std::size_t size() const { return size_; }

 private:
  [[gnu::noinline]] bool grow(std::size_t bytes) {
    const std::size_t capacity = 2 * (size_ + bytes) + 1024;
    void* const block = std::realloc(data_, capacity);
    if (block == nullptr) return false;
    data_ = static_cast<char*>(block);
    capacity_ = capacity;
    return true;
  }

  char* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

struct Shared {
  Buffer buffer;
  std::uint64_t uses = 0;
};
thread_local Shared shared;

using Header = sproto::HeaderWriter<Buffer>;

// Its functions give false when they meet what needs the interface, or cannot be encoded at all.
class PlainEncoder {
 public:
  PlainEncoder(Buffer& out, const RawTable& names) : out_(out), names_(names) {}

  bool structure(const Type& type, const RawTable& table, int depth);

 private:
  bool value(const Field& field, const RawValue& value, int depth, int* number);
  bool array(const Field& field, const RawTable& table, int depth);
  bool element(const Field& field, const RawValue& value, int depth);
  bool map(const Field& field, const RawTable& table, int depth);
  bool numbers(const Field& field, const RawValue* values, std::size_t count);
  bool nested(const Field& field, const RawValue& value, int depth);

  template <class Number>
  bool put(Number number) {
    if (!out_.reserve(sizeof number)) return false;
    std::memcpy(out_.end(), &number, sizeof number);
    out_.add(sizeof number);
    return true;
  }
  template <class Number>
  bool put_part(Number number) {
    return put(static_cast<std::uint32_t>(sizeof number)) && put(number);
  }
  bool put_text(std::string_view text) {
    if (text.size() > sproto::kMaxBytes || !put(static_cast<std::uint32_t>(text.size())) ||
        !out_.reserve(text.size()))
      return false;
    std::memcpy(out_.end(), text.data(), text.size());
    out_.add(text.size());
    return true;
  }
  // A data part begins with its length, which is known at its end.
  void end_part(std::size_t start) {
    const auto size = static_cast<std::uint32_t>(out_.size() - start - sproto::kLengthBytes);
    std::memcpy(out_.data() + start, &size, sizeof size);
  }

  Buffer& out_;
  const RawTable& names_;
};

// The number as a real field has it.
bool to_real(const RawValue& value, double* number) {
  if (value.kind() == RawKind::integer) {
    *number = static_cast<double>(value.integer());
    return true;
  }
  *number = value.kind() == RawKind::real ? value.real() : 0;
  return value.kind() == RawKind::real;
}

// The number as an integer field has it.
bool to_whole(const Field& field, const RawValue& value, std::int64_t* whole) {
  if (field.scale == 0 && value.kind() == RawKind::integer) {
    *whole = value.integer();
    return true;
  }
  double number;
  if (!to_real(value, &number)) return false;
  if (field.scale != 0) number = std::round(number * field.scale);
  return whole_number(number, whole);
}

bool PlainEncoder::nested(const Field& field, const RawValue& value, int depth) {
  if (value.kind() != RawKind::table) return false;
  const std::size_t start = out_.size();
  if (!put<std::uint32_t>(0) || !structure(*field.type, value.table(), depth)) return false;
  end_part(start);
  return true;
}

// Writes the value as a data part, or gives in *number what stands in the header instead.
bool PlainEncoder::value(const Field& field, const RawValue& value, int depth, int* number) {
  switch (field.kind) {
    case Kind::integer: {
      std::int64_t whole;
      if (!to_whole(field, value, &whole)) return false;
      if (whole >= 0 && whole <= sproto::kMaxInline) {
        *number = static_cast<int>(whole);
        return true;
      }
      if (whole == static_cast<std::int32_t>(whole))
        return put_part(static_cast<std::int32_t>(whole));
      return put_part(whole);
    }
    case Kind::boolean: *number = value.boolean(); return value.kind() == RawKind::boolean;
    case Kind::real: {
      double real;
      return to_real(value, &real) && put_part(real);
    }
    case Kind::string: return value.kind() == RawKind::string && put_text(value.text());
    case Kind::structure: return nested(field, value, depth);
  }
  return false;
}

bool PlainEncoder::numbers(const Field& field, const RawValue* values, std::size_t count) {
  if (count == 0) return true;
  bool wide = field.kind == Kind::real;
  for (std::size_t i = 0; i < count && !wide; ++i) {
    std::int64_t whole;
    if (!to_whole(field, values[i], &whole)) return false;
    wide = whole != static_cast<std::int32_t>(whole);
  }
  if (!put<std::uint8_t>(wide ? 8 : 4)) return false;
  for (std::size_t i = 0; i < count; ++i) {
    std::int64_t whole;
    double real;
    if (field.kind == Kind::real) {
      if (!to_real(values[i], &real) || !put(real)) return false;
    } else if (!to_whole(field, values[i], &whole) ||
               !(wide ? put(whole) : put(static_cast<std::int32_t>(whole)))) {
      return false;
    }
  }
  return true;
}

bool PlainEncoder::element(const Field& field, const RawValue& value, int depth) {
  switch (field.kind) {
    case Kind::boolean:
      return value.kind() == RawKind::boolean && put<std::uint8_t>(value.boolean());
    case Kind::string: return value.kind() == RawKind::string && put_text(value.text());
    default: return nested(field, value, depth);
  }
}

// All values, in the order of lua_next().
bool PlainEncoder::map(const Field& field, const RawTable& table, int depth) {
  if (field.map || has_zero(table)) return false;
  for (std::size_t i = 0; i < table.array_size(); ++i) {
    const RawValue& value = table.array()[i];
    if (!value.is_nil() && !nested(field, value, depth)) return false;
  }
  for (std::size_t i = 0; i < table.entry_count(); ++i) {
    const RawEntry& entry = table.entries()[i];
    if (!entry.is_empty() && !nested(field, entry.value(), depth)) return false;
  }
  return true;
}

bool PlainEncoder::array(const Field& field, const RawTable& table, int depth) {
  if (table.has_metatable()) return false;
  const std::size_t start = out_.size();
  if (!put<std::uint32_t>(0)) return false;
  if (field.key >= 0) {
    if (!map(field, table, depth)) return false;
  } else {
    // Up to the first that is not there.
    std::size_t length = 0;
    while (length < table.array_size() && !table.array()[length].is_nil()) ++length;
    if (length == table.array_size() && has_index(table, length + 1)) return false;
    if (field.kind == Kind::integer || field.kind == Kind::real) {
      if (!numbers(field, table.array(), length)) return false;
    } else {
      for (std::size_t i = 0; i < length; ++i) {
        if (!element(field, table.array()[i], depth)) return false;
      }
    }
  }
  end_part(start);
  return true;
}

bool PlainEncoder::structure(const Type& type, const RawTable& table, int depth) {
  if (++depth > sproto::kMaxDepth || table.has_metatable()) return false;
  const std::size_t room = Header::room(type.max_words);
  if (!out_.reserve(room)) return false;
  out_.add(room);
  Header header(out_, type.max_words);
  for (const Field& field : type.fields) {
    const RawValue& name = names_.array()[field.name_index];
    if (!name.is_interned()) return false;
    const RawEntry* const entry = table.find(name);
    if (entry == nullptr || entry->is_empty()) continue;
    const RawValue found = entry->value();
    int number = Header::kPart;
    if (field.array) {
      if (found.kind() != RawKind::table || !array(field, found.table(), depth)) return false;
    } else if (!value(field, found, depth, &number)) {
      return false;
    }
    header.add(field.tag, number);
  }
  header.close();
  return true;
}

}  // namespace

bool push_plain_encoded(lua_State* L, const Type& type, int names, int value) {
  if (!raw_values_known() || lua_type(L, value) != LUA_TTABLE) return false;
  shared.buffer.clear();
  const std::uint64_t use = ++shared.uses;
  PlainEncoder encoder(shared.buffer, raw_table(L, names));
  if (!encoder.structure(type, raw_table(L, value), 0)) return false;
  // Making the string may run finalizers, and those may encode.
  const int top = lua_gettop(L);
  const std::size_t size = shared.buffer.size();
  Scratch copy(L);
  char* const to = copy.prepare(size);
  if (shared.uses != use) {
    lua_settop(L, top);
    return false;
  }
  std::memcpy(to, shared.buffer.data(), size);
  copy.add(size);
  copy.push();
  return true;
}

}  // namespace runtime::RUNTIME_ENGINE
