#include "share/datasheet.h"

#include <bit>
#include <cstring>

#include "base/check.h"
#include "share/image_builder.h"

namespace runtime::share {
namespace {

static_assert(std::endian::native == std::endian::little,
              "the format is read and written as it is in memory");

void append(std::string* out, std::uint32_t value) {
  out->append(reinterpret_cast<const char*>(&value), sizeof(value));
}

constexpr std::size_t padded(std::size_t size) { return (size + 3) & ~std::size_t{3}; }

// Reads a datasheet, checking every offset. Tables are filled breadth first from the root, as
// ImageBuilder wants.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  ImageRef run() {
    if (bytes_.size() < 8) return {};
    const std::size_t strings = u32(0);
    const std::size_t count = u32(4);
    if (strings > bytes_.size() || count == 0 || count > (bytes_.size() - 8) / 4) return {};
    start_ = 8 + 4 * count;
    if (strings < start_) return {};
    strings_ = bytes_.substr(strings);
    body_ = bytes_.substr(0, strings);
    tables_.resize(count);

    reference(0);
    for (std::size_t i = 0; i < queue_.size(); ++i) {
      if (!fill(queue_[i])) return {};
    }
    return builder_.finish();
  }

 private:
  std::uint32_t u32(std::size_t at) const {
    std::uint32_t value;
    std::memcpy(&value, bytes_.data() + at, sizeof(value));
    return value;
  }

  const Table* reference(std::uint32_t number) {
    if (tables_[number] == nullptr) {
      tables_[number] = builder_.add_table();
      queue_.push_back(number);
    }
    return tables_[number];
  }

  bool fill(std::uint32_t number) {
    const std::size_t at = start_ + u32(8 + 4 * std::size_t{number});
    if (at > body_.size() || body_.size() - at < 8) return false;
    const std::size_t elements = u32(at);
    const std::size_t pairs = u32(at + 4);
    const std::size_t types = at + 8;
    const std::size_t left = body_.size() - types;
    if (elements > left || pairs > left) return false;
    const std::size_t values = types + padded(elements + pairs);
    if (padded(elements + pairs) + 4 * elements + 8 * pairs > left) return false;
    // Tables do not overlap: so what they become is no larger than a multiple of the input.
    filled_ += elements + pairs;
    if (filled_ > bytes_.size()) return false;

    builder_.begin(tables_[number]);
    for (std::size_t i = 0; i < elements; ++i) {
      if (!read(static_cast<SheetType>(bytes_[types + i]), u32(values + 4 * i))) return false;
      builder_.element(value_);
    }
    for (std::size_t i = 0; i < pairs; ++i) {
      const std::size_t pair = values + 4 * elements + 8 * i;
      const Text* key = text(u32(pair));
      if (key == nullptr ||
          !read(static_cast<SheetType>(bytes_[types + elements + i]), u32(pair + 4)))
        return false;
      builder_.entry(Value::of(key), value_);
    }
    builder_.end();
    // A key that is there twice would hold up whoever looks for the next one.
    const Table& table = *tables_[number];
    for (std::uint32_t slot = table.length(); slot < table.slots(); ++slot) {
      if (table.find(to_key(table.key(slot))) != slot) return false;
    }
    return true;
  }

  // The value goes to value_.
  bool read(SheetType type, std::uint32_t bits) {
    switch (type) {
      case SheetType::nil: value_ = Value(); return true;
      case SheetType::integer:
        value_ = Value::of(std::int64_t{std::bit_cast<std::int32_t>(bits)});
        return true;
      case SheetType::number: value_ = Value::of(double{std::bit_cast<float>(bits)}); return true;
      case SheetType::boolean: value_ = Value::of(bits != 0); return true;
      case SheetType::table:
        if (bits >= tables_.size()) return false;
        value_ = Value::of(reference(bits));
        return true;
      case SheetType::text: {
        const Text* found = text(bits);
        value_ = Value::of(found);
        return found != nullptr;
      }
    }
    return false;
  }

  const Text* text(std::uint32_t offset) {
    if (offset >= strings_.size()) return nullptr;
    const std::string_view rest = strings_.substr(offset);
    const std::size_t size = rest.find('\0');
    return size == std::string_view::npos ? nullptr : builder_.text(rest.substr(0, size));
  }

  const std::string_view bytes_;
  std::string_view body_;
  std::string_view strings_;
  std::size_t start_ = 0;
  std::size_t filled_ = 0;
  ImageBuilder builder_;
  std::vector<Table*> tables_;
  std::vector<std::uint32_t> queue_;
  Value value_;
};

}  // namespace

std::uint32_t SheetWriter::add_table() noexcept { return tables_added_++; }

std::uint32_t SheetWriter::text(std::string_view text) noexcept {
  RUNTIME_CHECK(text.find('\0') == std::string_view::npos, "a string of a datasheet has a NUL");
  const auto [known, is_new] =
      known_.try_emplace(std::string(text), static_cast<std::uint32_t>(strings_.size()));
  if (is_new) strings_.append(text).push_back('\0');
  return known->second;
}

void SheetWriter::begin() noexcept {
  elements_.clear();
  pairs_.clear();
}

void SheetWriter::end() noexcept {
  offsets_.push_back(static_cast<std::uint32_t>(tables_.size()));
  append(&tables_, static_cast<std::uint32_t>(elements_.size()));
  append(&tables_, static_cast<std::uint32_t>(pairs_.size()));
  for (const auto* slots : {&elements_, &pairs_}) {
    for (const Slot& slot : *slots) tables_.push_back(static_cast<char>(slot.type));
  }
  tables_.resize(padded(tables_.size()), '\0');
  for (const Slot& slot : elements_) append(&tables_, slot.bits);
  for (const Slot& slot : pairs_) {
    append(&tables_, slot.key);
    append(&tables_, slot.bits);
  }
}

std::string SheetWriter::finish() const noexcept {
  std::string out;
  append(&out, static_cast<std::uint32_t>(8 + 4 * offsets_.size() + tables_.size()));
  append(&out, static_cast<std::uint32_t>(offsets_.size()));
  for (const std::uint32_t offset : offsets_) append(&out, offset);
  return out.append(tables_).append(strings_);
}

ImageRef read_sheet(std::string_view bytes) noexcept { return Reader(bytes).run(); }

std::string_view sheet_at(const char* address) noexcept {
  constexpr std::uint32_t kNoTable = 0xffffffff;  // the offset of one that an update took away
  const auto u32 = [address](std::size_t at) {
    std::uint32_t value;
    std::memcpy(&value, address + at, sizeof value);
    return value;
  };
  const std::size_t strings = u32(0);
  const std::size_t count = u32(4);
  std::size_t size = strings;
  const auto reach = [&](std::uint32_t offset) {
    const std::size_t at = strings + offset;
    if (at >= size) size = at + std::strlen(address + at) + 1;
  };
  for (std::size_t i = 0; i < count; ++i) {
    if (u32(8 + 4 * i) == kNoTable) continue;
    const std::size_t table = 8 + 4 * count + u32(8 + 4 * i);
    const std::size_t elements = u32(table);
    const std::size_t slots = elements + u32(table + 4);
    const char* const types = address + table + 8;
    std::size_t value = table + 8 + padded(slots);
    for (std::size_t slot = 0; slot < slots; ++slot, value += 4) {
      if (slot >= elements) {
        reach(u32(value));
        value += 4;
      }
      if (static_cast<SheetType>(types[slot]) == SheetType::text) reach(u32(value));
    }
  }
  return {address, size};
}

}  // namespace runtime::share
