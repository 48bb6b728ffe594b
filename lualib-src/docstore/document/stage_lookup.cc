// $lookup with localField and foreignField.
#include <algorithm>

#include "docstore/document/node.h"
#include "docstore/document/path.h"
#include "docstore/document/stage.h"

namespace runtime::document {

namespace {

struct Lookup {
  std::string from, local, foreign, as;
};

class LookupRun : public StageRun {
 public:
  LookupRun(const Lookup& lookup, const Surroundings& surroundings, Pipeline::Run* next)
      : StageRun(next),
        lookup_(lookup),
        local_(lookup.local),
        as_(lookup.as),
        surroundings_(surroundings) {}

  bool push(std::string_view document, CommandError* error) override {
    bson::Writer found;
    const std::size_t root = found.open();
    bson::ArrayKey index;
    bool fits = true;
    const auto take = [&](std::string_view other) {
      found.raw(Type::document, index.next(), other);
      fits = found.bytes().size() <= kLargestStoredBytes;
      return fits;
    };
    const std::vector<Value> wanted = values(document);
    if (!surroundings_.read)
      return refuse(error, Code::not_implemented, {"$lookup has no collections here"});
    if (!wanted.empty() && !surroundings_.read(lookup_.from, filter(wanted), take, error))
      return false;
    if (!fits) {
      return refuse(error, location(4568),
                    {"Total size of documents in ", lookup_.from,
                     " matching pipeline's $lookup stage exceeds ",
                     std::to_string(kLargestStoredBytes), " bytes"});
    }
    found.close(root);
    Node fresh(document_value(document));
    put_at(&fresh, as_, Node(Value(Type::array, found.bytes())));
    const OwnedValue out(fresh.view());
    return check_made(out, error) && next_->push(out.bytes(), error);
  }

 private:
  // The local values: an array's elements, null for what is missing. An empty array has none.
  std::vector<Value> values(std::string_view document) const {
    std::vector<Value> out;
    bool has_end = false;
    walk(document_value(document), local_, Leaf::whole, [&](const Met& met) {
      has_end = true;
      if (!met.value.is_array()) {
        out.push_back(met.value.is_missing() ? Value(Type::null, {}) : met.value);
        return false;
      }
      bson::Reader reader(met.value.bytes);
      bson::Element element;
      while (reader.next(&element)) out.emplace_back(element);
      return false;
    });
    if (!has_end) out.emplace_back(Type::null, std::string_view());
    return out;
  }

  // {foreign: {$in: values}}, which an index can serve. $in would take a regular expression, and a document that looks like
  // operators, for more than a value: with these, {$or: [{foreign: {$eq: value}}, ...]}.
  std::string filter(const std::vector<Value>& values) const {
    const bool is_plain = std::ranges::none_of(values, [](const Value& value) {
      return value.type == Type::regex ||
             (value.is_document() && first_element(value.bytes).key.starts_with('$'));
    });
    bson::Writer writer;
    bson::ArrayKey index;
    const std::size_t root = writer.open();
    const std::size_t outer = is_plain ? writer.open(Type::document, lookup_.foreign) : 0;
    const std::size_t list = writer.open(Type::array, is_plain ? "$in" : "$or");
    for (const Value& value : values) {
      if (is_plain) {
        write(writer, index.next(), value);
        continue;
      }
      const std::size_t branch = writer.open(Type::document, index.next());
      const std::size_t condition = writer.open(Type::document, lookup_.foreign);
      write(writer, "$eq", value);
      writer.close(condition);
      writer.close(branch);
    }
    writer.close(list);
    if (is_plain) writer.close(outer);
    writer.close(root);
    return std::string(writer.bytes());
  }

  const Lookup& lookup_;
  const Path local_, as_;
  const Surroundings& surroundings_;
};

class LookupStage : public Stage {
 public:
  explicit LookupStage(Lookup lookup) : lookup_(std::move(lookup)) {}
  std::unique_ptr<StageRun> start(const Surroundings& surroundings,
                                  Pipeline::Run* next) const override {
    return std::make_unique<LookupRun>(lookup_, surroundings, next);
  }

 private:
  const Lookup lookup_;
};

}  // namespace

std::unique_ptr<Stage> parse_lookup(const Value& spec, CommandError* error) {
  if (!spec.is_document()) {
    refuse(error, Code::failed_to_parse, {"the $lookup specification must be an Object"});
    return nullptr;
  }
  Lookup lookup;
  bson::Reader reader(spec.bytes);
  bson::Element element;
  while (reader.next(&element)) {
    std::string* const place = element.key == "from"           ? &lookup.from
                               : element.key == "localField"   ? &lookup.local
                               : element.key == "foreignField" ? &lookup.foreign
                               : element.key == "as"           ? &lookup.as
                                                               : nullptr;
    if (place == nullptr) {
      const bool is_known = element.key == "pipeline" || element.key == "let";
      refuse(error, is_known ? Code::not_implemented : Code::failed_to_parse,
             {is_known ? "not supported: '" : "unknown argument to $lookup: '", element.key,
              is_known ? "' of $lookup" : "'"});
      return nullptr;
    }
    const Value value(element);
    const bool is_name = value.type == Type::string && !value.text().empty() &&
                         !value.text().starts_with('$') &&
                         value.text().find('\0') == std::string_view::npos;
    if (!is_name) {
      refuse(error, Code::failed_to_parse,
             {"$lookup argument '", element.key, ": ", to_text(value),
              "' must be a name without '$' in front, is type ", type_name(value.type)});
      return nullptr;
    }
    *place = value.text();
  }
  if (lookup.from.empty() || lookup.local.empty() || lookup.foreign.empty() || lookup.as.empty()) {
    refuse(error, Code::failed_to_parse,
           {"$lookup requires 'from', 'localField', 'foreignField' and 'as'"});
    return nullptr;
  }
  return std::make_unique<LookupStage>(std::move(lookup));
}

}  // namespace runtime::document
