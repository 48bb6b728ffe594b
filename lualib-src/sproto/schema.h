// What a bundle, the binary form of a schema, says: types with their fields, and protocols.
//
// A bundle is itself a sproto message of the type `group`:
//   .type { name 0 : string  fields 1 : *field }
//   .field { name 0 : string  buildin 1 : integer  type 2 : integer  tag 3 : integer  array 4 : boolean
//            key 5 : integer  map 6 : boolean }
//   .protocol { name 0 : string  tag 1 : integer  request 2 : integer  response 3 : integer  confirm 4 : boolean }
//   .group { type 0 : *type  protocol 1 : *protocol }
//
// Threads:   immutable once loaded: any.
// Ownership: shared by every service that uses it, of both engines, and by the slots of library.h; whoever is the
//            last one frees it, on whatever thread that is.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace runtime::sproto {

enum class Kind : std::uint8_t { integer, boolean, string, real, structure };

struct Type;

struct Field {
  std::string name;
  int tag;
  int name_index;  // among all names of the schema: Schema::names()
  Kind kind;
  bool binary = false;  // of strings: any bytes
  bool array = false;
  bool map =
      false;  // an array of structs of two fields, that decodes to a table from one to the other
  int key =
      -1;  // of arrays that decode to a map: the tag of the element's key; -1 for other arrays
  double scale = 0;            // of integers with decimals: 10 to the power of those, else 0
  const Type* type = nullptr;  // of structures
};

struct Type {
  std::string name;
  std::vector<Field> fields;  // by ascending tag
  std::size_t max_words;      // an encoded struct's header has no more

  // The field with that tag, or null. `from` is where to begin, and becomes the place after the one found: who asks
  // for ascending tags goes through the fields once.
  const Field* find(int tag, std::size_t* from) const {
    const Field* const end = std::to_address(fields.end());  // no division by the size of a field
    const Field* field = fields.data() + *from;
    for (; field != end && field->tag < tag; ++field) ++*from;
    return field != end && field->tag == tag ? field : nullptr;
  }
  const Field* find(int tag) const {
    std::size_t from = 0;
    return find(tag, &from);
  }
};

struct Protocol {
  std::string name;
  int tag;
  const Type* request = nullptr;
  const Type* response = nullptr;
  bool confirm = false;  // the answer has no content
};

class Schema {
 public:
  // Null for a bundle that is damaged or does not hold together: cut short, an index of a type that is not there, tags
  // that do not ascend, names that are empty.
  static std::shared_ptr<const Schema> load(std::string_view bundle) noexcept;

  const Type* type(std::string_view name) const noexcept;
  const Protocol* protocol(std::string_view name) const noexcept;
  const Protocol* protocol(int tag) const noexcept;

  const std::vector<Type>& types() const { return types_; }
  const std::vector<Protocol>& protocols() const { return protocols_; }
  // The names of fields, each once.
  const std::vector<std::string>& names() const { return names_; }

 private:
  friend class SchemaLoader;

  std::vector<Type> types_;
  std::vector<Protocol> protocols_;  // by ascending tag
  std::vector<std::string> names_;
  std::unordered_map<std::string_view, const Type*> types_by_name_;
  std::unordered_map<std::string_view, const Protocol*> protocols_by_name_;
};

using SchemaRef = std::shared_ptr<const Schema>;

}  // namespace runtime::sproto
