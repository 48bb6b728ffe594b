// $lookup: with localField and foreignField, with a pipeline, or both.
#include <algorithm>

#include "docstore/document/constants.h"
#include "docstore/document/node.h"
#include "docstore/document/path.h"
#include "docstore/document/stage.h"

namespace runtime::document {

namespace {

constexpr int kMostDepth = 20;

struct Lookup {
  std::string from, local, foreign, as;  // local and foreign: both, or neither
  struct Variable {
    std::string name;
    std::unique_ptr<Expression> value;
  };
  std::vector<Variable> variables;    // `let`
  std::optional<std::string> stages;  // `pipeline`: an array
  // It parsed, for documents whose variables need not be known.
  std::optional<Pipeline> pipeline;
  Constants outer;  // what it may use besides
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
    if (!surroundings_.read)
      return refuse(error, Code::not_implemented, {"$lookup has no collections here"});
    bson::Writer found;
    const std::size_t root = found.open();
    bson::ArrayKey index;
    const auto take = [&](std::string_view other, CommandError* fault) {
      found.raw(Type::document, index.next(), other);
      return found.bytes().size() <= kLargestStoredBytes || refuse_size(fault);
    };
    if (!(lookup_.stages ? run_pipeline(document, take, error) : read(document, take, error)))
      return false;
    found.close(root);
    Node fresh(document_value(document));
    put_at(&fresh, as_, Node(Value(Type::array, found.bytes())));
    const OwnedValue out(fresh.view());
    return check_made(out, error) && next_->push(out.bytes(), error);
  }

 private:
  using Take = std::function<bool(std::string_view, CommandError*)>;

  bool refuse_size(CommandError* error) const {
    return refuse(
        error, location(4568),
        {"Total size of documents in ", lookup_.from, " matching pipeline's $lookup stage exceeds ",
         std::to_string(kLargestStoredBytes), " bytes"});
  }

  // The other collection's documents whose foreign field has a value of the local one.
  bool read(std::string_view document, const Take& take, CommandError* error) const {
    const std::vector<Value> wanted = values(document);
    if (wanted.empty()) return true;
    const std::optional<Filter> filter = Filter::parse(equality(wanted), error);
    return filter && read(
                         *filter, take, [] { return true; }, error);
  }

  bool read(const Filter& filter, const Take& take, const std::function<bool()>& wants_more,
            CommandError* error) const {
    bool is_refused = false;
    const auto each = [&](std::string_view other) {
      is_refused = !take(other, error);
      return !is_refused && wants_more();
    };
    return surroundings_.read(lookup_.from, filter, each, error) && !is_refused;
  }

  bool run_pipeline(std::string_view document, const Take& take, CommandError* error) const {
    std::optional<Pipeline> own;
    if (!lookup_.variables.empty()) {
      Constants constants = lookup_.outer;
      Scope scope{document_value(document), surroundings_.clock};
      for (const Lookup::Variable& variable : lookup_.variables) {
        OwnedValue value;
        if (!variable.value->evaluate(scope, &value, error)) return false;
        constants.set(variable.name, std::move(value));
      }
      own = Pipeline::parse(*lookup_.stages, error, &constants);
      if (!own) return false;
    }
    const Pipeline& pipeline = own ? *own : *lookup_.pipeline;
    const std::unique_ptr<Pipeline::Run> run = pipeline.start(surroundings_, take);
    const auto push = [&](std::string_view other, CommandError* fault) {
      return run->push(other, fault);
    };
    const auto wants_more = [&] { return run->wants_more(); };
    const Filter all;
    const Filter* const first = pipeline.leading_match();
    const bool good = lookup_.local.empty()
                          ? read(first != nullptr ? *first : all, push, wants_more, error)
                          : read(document, push, error);
    return good && run->finish(error);
  }

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
  std::string equality(const std::vector<Value>& values) const {
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

bool parse_name(const bson::Element& element, std::string* out, CommandError* error) {
  const Value value(element);
  const bool is_name = value.type == Type::string && !value.text().empty() &&
                       !value.text().starts_with('$') &&
                       value.text().find('\0') == std::string_view::npos;
  if (!is_name) {
    return refuse(error, Code::failed_to_parse,
                  {"$lookup argument '", element.key, ": ", to_text(value),
                   "' must be a name without '$' in front, is type ", type_name(value.type)});
  }
  *out = value.text();
  return true;
}

bool parse_variables(const Value& let, const Constants* constants, Lookup* lookup,
                     CommandError* error) {
  if (!let.is_document()) {
    return refuse(error, Code::failed_to_parse,
                  {"$lookup argument 'let: ", to_text(let), "' must be an object, is type ",
                   type_name(let.type)});
  }
  bson::Reader reader(let.bytes);
  bson::Element element;
  while (reader.next(&element)) {
    if (!check_variable_name(element.key, error)) return false;
    auto value = ExpressionParser(error, constants).parse(Value(element));
    if (value == nullptr) return false;
    lookup->variables.push_back({std::string(element.key), std::move(value)});
  }
  return true;
}

// What is wrong with the inner pipeline is told before any document comes; what its variables stand for is not known
// then.
bool parse_inner(Lookup* lookup, CommandError* error) {
  Constants constants = lookup->outer;
  for (const Lookup::Variable& variable : lookup->variables) constants.set(variable.name, {});
  lookup->pipeline = Pipeline::parse(*lookup->stages, error, &constants);
  return lookup->pipeline.has_value();
}

bool parse_fields(const Value& spec, const Constants* constants, Lookup* lookup,
                  CommandError* error) {
  bson::Reader reader(spec.bytes);
  bson::Element element;
  while (reader.next(&element)) {
    std::string* const place = element.key == "from"           ? &lookup->from
                               : element.key == "localField"   ? &lookup->local
                               : element.key == "foreignField" ? &lookup->foreign
                               : element.key == "as"           ? &lookup->as
                                                               : nullptr;
    if (place != nullptr) {
      if (!parse_name(element, place, error)) return false;
    } else if (element.key == "let") {
      if (!parse_variables(Value(element), constants, lookup, error)) return false;
    } else if (element.key == "pipeline") {
      if (element.type != Type::array) {
        return refuse(error, Code::type_mismatch,
                      {"'pipeline' option must be specified as an array"});
      }
      lookup->stages = std::string(element.value);
    } else {
      return refuse(error, Code::failed_to_parse, {"unknown argument to $lookup: ", element.key});
    }
  }
  return true;
}

bool check_fields(const Lookup& lookup, CommandError* error) {
  if (lookup.from.empty() || lookup.as.empty()) {
    return refuse(error, Code::failed_to_parse,
                  {lookup.as.empty() ? "must specify 'as' field for a $lookup"
                                     : "must specify 'from' field for a $lookup"});
  }
  if (lookup.local.empty() != lookup.foreign.empty()) {
    return refuse(error, Code::failed_to_parse,
                  {"$lookup requires both or neither of 'localField' and 'foreignField' to be "
                   "specified"});
  }
  if (lookup.local.empty() && !lookup.stages) {
    return refuse(error, Code::failed_to_parse,
                  {"$lookup requires either 'pipeline' or both 'localField' and 'foreignField' to "
                   "be specified"});
  }
  return lookup.variables.empty() || lookup.stages ||
         refuse(error, Code::failed_to_parse,
                {"$lookup with a 'let' argument must also specify 'pipeline'"});
}

}  // namespace

std::unique_ptr<Stage> parse_lookup(const Value& spec, const Constants* constants,
                                    CommandError* error) {
  if (!spec.is_document()) {
    refuse(error, Code::failed_to_parse, {"the $lookup specification must be an Object"});
    return nullptr;
  }
  Lookup lookup;
  if (constants != nullptr) lookup.outer = *constants;
  lookup.outer.go_deeper();
  if (lookup.outer.depth() > kMostDepth) {
    refuse(
        error, Code::max_sub_pipeline_depth_exceeded,
        {"Maximum number of nested sub-pipelines exceeded. Limit is ", std::to_string(kMostDepth)});
    return nullptr;
  }
  if (!parse_fields(spec, constants, &lookup, error) || !check_fields(lookup, error) ||
      (lookup.stages && !parse_inner(&lookup, error))) {
    return nullptr;
  }
  return std::make_unique<LookupStage>(std::move(lookup));
}

}  // namespace runtime::document
