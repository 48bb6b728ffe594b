#include "docstore/storage/index_keys.h"

#include <algorithm>

#include "bson/reader.h"
#include "bson/writer.h"
#include "docstore/document/key.h"

namespace runtime::docstore {

namespace {

// Where one path stands: at a value, with so much of the path still to go.
struct Walk {
  bson::Type type = bson::Type::null;
  std::string_view value;
  std::string_view rest;
  bool is_missing = false;
  bool is_settled = false;  // nothing more to go
  std::string_view array;   // the name of the array that it stands at
};

bool is_number(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

bool find(std::string_view document, std::string_view name, bson::Element* element) {
  bson::Reader reader(document);
  while (reader.next(element)) {
    if (element->key == name) return true;
  }
  return false;
}

// Goes on until the value is an array, or the path ends.
void advance(Walk* walk) {
  while (!walk->is_settled) {
    if (walk->type == bson::Type::array) {
      const std::string_view name = walk->rest.substr(0, walk->rest.find('.'));
      if (!is_number(name)) return;
    } else if (walk->rest.empty() || walk->type != bson::Type::document) {
      walk->is_missing = walk->is_missing || !walk->rest.empty();
      walk->is_settled = true;
      return;
    }
    const std::size_t dot = walk->rest.find('.');
    const std::string_view name = walk->rest.substr(0, dot);
    bson::Element element;
    if (!find(walk->value, name, &element)) {
      walk->is_missing = walk->is_settled = true;
      return;
    }
    walk->type = element.type;
    walk->value = element.value;
    walk->array = name;
    walk->rest = dot == std::string_view::npos ? std::string_view() : walk->rest.substr(dot + 1);
  }
}

std::vector<Walk> start(const IndexSpec& index, std::string_view document) {
  std::vector<Walk> walks(index.paths.size());
  for (std::size_t i = 0; i < walks.size(); ++i) {
    walks[i].type = bson::Type::document;
    walks[i].value = document;
    walks[i].rest = index.paths[i].path;
  }
  return walks;
}

class Extraction {
 public:
  Extraction(const IndexSpec& index, IndexKeys* out) : index_(index), out_(out) {}

  // Notes the values of `key` when it comes out.
  void look_for(const std::string* key, std::string* value) {
    wanted_ = key;
    value_ = value;
  }

  void expand(std::vector<Walk> walks) {
    const Walk* array = nullptr;
    for (Walk& walk : walks) {
      advance(&walk);
      if (walk.is_settled) continue;
      if (array != nullptr && array->value.data() != walk.value.data()) {
        out_->parallel = true;
        out_->first_array = array->array;
        out_->second_array = walk.array;
        return;
      }
      array = &walk;
    }
    if (array == nullptr) return emit(walks);
    out_->many = true;
    const char* const place = array->value.data();
    bson::Reader elements(array->value);
    bson::Element element;
    bool is_empty = true;
    while (elements.next(&element) && !out_->parallel) {
      is_empty = false;
      expand(stepped_into(walks, place, &element));
    }
    if (is_empty) expand(stepped_into(walks, place, nullptr));
  }

 private:
  // `element` is null for what an empty array has.
  static std::vector<Walk> stepped_into(std::vector<Walk> walks, const char* place,
                                        const bson::Element* element) {
    for (Walk& walk : walks) {
      if (walk.is_settled || walk.value.data() != place) continue;
      if (element == nullptr) {
        walk.type = bson::Type::null;
        walk.value = {};
        walk.is_missing = !walk.rest.empty();
        walk.is_settled = true;
        continue;
      }
      walk.type = element->type;
      walk.value = element->value;
      // An array in an array is a value; names are not looked for in it.
      if (walk.rest.empty()) walk.is_settled = true;
      if (!walk.rest.empty() && element->type == bson::Type::array)
        walk.is_missing = walk.is_settled = true;
    }
    return walks;
  }

  void emit(const std::vector<Walk>& walks) {
    if (index_.sparse && std::ranges::all_of(walks, &Walk::is_missing)) return;
    std::string key;
    for (std::size_t i = 0; i < walks.size(); ++i) {
      const Walk& walk = walks[i];
      const std::size_t begin = key.size();
      if (walk.is_missing) {
        document::append_key({bson::Type::null, {}}, &key);
      } else {
        document::append_key({walk.type, walk.value}, &key);
      }
      if (index_.paths[i].descending) document::invert_key(&key, begin);
    }
    if (wanted_ != nullptr && key == *wanted_) *value_ = value_of(walks);
    out_->keys.push_back(std::move(key));
  }

  std::string value_of(const std::vector<Walk>& walks) const {
    bson::Writer writer;
    const std::size_t root = writer.open();
    for (std::size_t i = 0; i < walks.size(); ++i) {
      const bool is_missing = walks[i].is_missing;
      writer.raw(is_missing ? bson::Type::null : walks[i].type, index_.paths[i].path,
                 is_missing ? std::string_view() : walks[i].value);
    }
    writer.close(root);
    return std::string(writer.bytes());
  }

  const IndexSpec& index_;
  IndexKeys* const out_;
  const std::string* wanted_ = nullptr;
  std::string* value_ = nullptr;
};

}  // namespace

IndexKeys index_keys(const IndexSpec& index, std::string_view document) {
  IndexKeys out;
  if (index.is_place) return out;
  Extraction(index, &out).expand(start(index, document));
  if (out.parallel) out.keys.clear();
  std::ranges::sort(out.keys);
  out.keys.erase(std::unique(out.keys.begin(), out.keys.end()), out.keys.end());
  return out;
}

std::string key_value(const IndexSpec& index, std::string_view document, const std::string& key) {
  IndexKeys out;
  std::string value;
  Extraction extraction(index, &out);
  extraction.look_for(&key, &value);
  extraction.expand(start(index, document));
  return value;
}

}  // namespace runtime::docstore
