// insert, update, delete.
#include <string>
#include <utility>
#include <vector>

#include "docstore/commands/changes.h"
#include "docstore/commands/handlers.h"
#include "docstore/commands/query.h"
#include "docstore/commands/write_errors.h"

namespace runtime::docstore {

namespace {

constexpr std::size_t kMostStatements = 100'000;

bool take_statements(Context& context, std::string_view name, std::vector<std::string_view>* out) {
  if (!context.take_documents(name, out)) return false;
  if (!out->empty() && out->size() <= kMostStatements) return true;
  return refuse(context.error, Code::invalid_length,
                {"Write batch sizes must be between 1 and 100000. Got ",
                 std::to_string(out->size()), " operations."});
}

// Each statement of the command, until one fails in order. `run` refuses, or gives a fault. What `check` has against the
// form of any of them refuses the command, before anything is written.
template <class Check, class Run>
bool run_statements(Context& context, std::string_view list, WriteErrors* errors, Check check,
                    Run run) {
  std::vector<std::string_view> statements;
  bool ordered = true;
  if (!take_statements(context, list, &statements) || !context.take("ordered", &ordered))
    return false;
  for (const std::string_view statement : statements) {
    if (!check(statement)) return false;
  }
  for (std::size_t i = 0; i < statements.size(); ++i) {
    std::optional<WriteFault> fault;
    CommandError error;
    if (run(i, statements[i], &fault, &error)) continue;
    if (!context.engine.connection.failure().empty()) return context.refuse_storage();
    if (fault) {
      errors->add(i, *fault);
    } else {
      errors->add(i, error);
    }
    if (ordered) break;
  }
  return true;
}

// The fields that a statement may have.
bool check_fields(std::string_view statement, std::string_view what,
                  std::initializer_list<std::string_view> known, CommandError* error) {
  bson::Reader reader(statement);
  bson::Element element;
  while (reader.next(&element)) {
    bool found = false;
    for (const std::string_view name : known) found = found || name == element.key;
    if (!found) {
      return refuse(error, document::location(40415),
                    {"BSON field '", what, ".", element.key, "' is an unknown field."});
    }
    if (element.key == "collation" && !check_collation(Value(element), error)) return false;
  }
  return true;
}

bool refuse_missing(std::string_view what, std::string_view name, CommandError* error) {
  return refuse(error, document::location(40414),
                {"BSON field '", what, ".", name, "' is missing but a required field"});
}

bool check_query(std::string_view statement, std::string_view what, CommandError* error) {
  const Value query = document::field(statement, "q");
  if (query.is_document()) return true;
  if (query.is_missing()) return refuse_missing(what, "q", error);
  return refuse(error, Code::type_mismatch,
                {"BSON field '", what, ".q' is the wrong type '", document::type_name(query.type),
                 "', expected type 'object'"});
}

bool parse_query(std::string_view statement, const document::Constants& constants,
                 document::Filter* out, CommandError* error) {
  auto filter = document::Filter::parse(document::field(statement, "q").bytes, error, &constants);
  if (!filter) return false;
  *out = std::move(*filter);
  return true;
}

// The documents that fit, at most `most` of them (0: all). What is found is written only afterwards, so that a scan does
// not come across what was just written.
bool find_numbers(Context& context, Collection& collection, const document::Filter& filter,
                  const Value& hint, std::int64_t most, std::vector<std::int64_t>* out,
                  CommandError* error) {
  ScanState state;
  PlanRequest request{filter, {}, {}};
  if (hint.type == bson::Type::string || (hint.is_document() && !document::is_empty(hint.bytes))) {
    request.hint = bson::Element{hint.type, {}, hint.bytes};
  }
  const auto plan = choose_plan(collection, request);
  if (!plan)
    return refuse(error, Code::bad_value,
                  {"hint provided does not correspond to an existing index"});
  state.plan = *plan;
  bool late = false;
  {
    Scan scan(collection, state);
    int looked = 0;
    while (scan.next()) {
      if (++looked % 128 == 0 && context.is_late()) {
        late = true;
        break;
      }
      document::MatchDetails details;
      const auto good = fits(filter, scan.document(), &details, error);
      if (!good) return false;
      if (!*good) continue;
      out->push_back(scan.number());
      if (most > 0 && static_cast<std::int64_t>(out->size()) == most) break;
    }
  }
  return !late || refuse(error, Code::max_time_expired, {"operation exceeded time limit"});
}

}  // namespace

bool run_insert(Context& context) {
  std::string_view name;
  if (!context.collection_name(&name)) return false;
  WriteErrors errors;
  std::int64_t count = 0;
  Collection* collection = nullptr;
  const auto one = [&](std::size_t, std::string_view document, std::optional<WriteFault>* fault,
                       CommandError* error) {
    if (collection == nullptr) collection = collection_to_write(context, name, error);
    if (collection == nullptr || !insert_document(*collection, document, nullptr, fault, error))
      return false;
    ++count;
    return true;
  };
  const auto check = [](std::string_view) { return true; };
  if (!run_statements(context, "documents", &errors, check, one)) return false;
  context.engine.inserts += static_cast<std::uint64_t>(count);
  write_count(context.reply, "n", count);
  errors.write(context.reply);
  return true;
}

// ---- update -------------------------------------------------------------------------------------

namespace {

bool check_update(std::string_view statement, CommandError* error) {
  static constexpr std::string_view kWhat = "update.updates";
  if (!check_fields(statement, kWhat,
                    {"q", "u", "upsert", "multi", "arrayFilters", "hint", "collation", "c"},
                    error) ||
      !check_query(statement, kWhat, error)) {
    return false;
  }
  const Value update = document::field(statement, "u");
  if (update.is_container()) return true;
  if (update.is_missing()) return refuse_missing(kWhat, "u", error);
  return refuse(error, Code::failed_to_parse,
                {"Update argument must be either an object or an array"});
}

struct Upserted {
  std::size_t index;
  document::OwnedValue id;
};

class Updating {
 public:
  Updating(Context& context, std::string_view name) : context_(context), name_(name) {
    collection_ = context.engine.catalogue.find(context.database, name);
  }

  bool run(std::size_t index, std::string_view statement, std::optional<WriteFault>* fault,
           CommandError* error) {
    Change change;
    change.upsert = document::field(statement, "upsert").is_true();
    const bool multi = document::field(statement, "multi").is_true();
    if (!parse_query(statement, context_.constants, &change.filter, error) ||
        !check_upsert(change, error) ||
        !parse_update(document::field(statement, "u"), document::field(statement, "arrayFilters"),
                      document::field(statement, "c"), context_.constants, &change.update, error)) {
      return false;
    }
    if (multi && change.update->is_replacement()) {
      return refuse(error, Code::failed_to_parse,
                    {"multi update is not supported for replacement-style update"});
    }
    Changed changed;
    const bool good =
        apply(change, document::field(statement, "hint"), multi, &changed, fault, error);
    matched_ += changed.matched;
    modified_ += changed.modified;
    if (changed.upserted) upserted_.push_back({index, std::move(*changed.upserted)});
    return good;
  }

  void write(bson::Writer& writer) const {
    write_count(writer, "n", matched_ + static_cast<std::int64_t>(upserted_.size()));
    if (!upserted_.empty()) {
      ArrayWriter array(writer, "upserted");
      for (const Upserted& one : upserted_) {
        const std::size_t opened = writer.open(bson::Type::document, array.next());
        writer.int32("index", static_cast<std::int32_t>(one.index));
        document::write(writer, "_id", one.id.view());
        writer.close(opened);
      }
      array.close();
    }
    write_count(writer, "nModified", modified_);
  }

 private:
  bool apply(const Change& change, const Value& hint, bool multi, Changed* changed,
             std::optional<WriteFault>* fault, CommandError* error) {
    std::vector<std::int64_t> numbers;
    if (collection_ != nullptr && !find_numbers(context_, *collection_, change.filter, hint,
                                                multi ? 0 : 1, &numbers, error)) {
      return false;
    }
    for (const std::int64_t number : numbers) {
      if (!collection_->fetch(number, &old_)) continue;
      if (!update_document(*collection_, number, old_, change, context_.clock, changed, &fresh_,
                           fault, error))
        return false;
    }
    if (!numbers.empty() || !change.upsert) return true;
    if (collection_ == nullptr) collection_ = collection_to_write(context_, name_, error);
    return collection_ != nullptr &&
           upsert_document(*collection_, change, context_.clock, changed, &fresh_, fault, error);
  }

  Context& context_;
  const std::string_view name_;
  Collection* collection_;
  std::int64_t matched_ = 0, modified_ = 0;
  std::vector<Upserted> upserted_;
  std::string old_, fresh_;
};

}  // namespace

bool run_update(Context& context) {
  ++context.engine.updates;
  std::string_view name;
  if (!context.collection_name(&name)) return false;
  WriteErrors errors;
  Updating updating(context, name);
  const auto one = [&](std::size_t index, std::string_view statement,
                       std::optional<WriteFault>* fault, CommandError* error) {
    return updating.run(index, statement, fault, error);
  };
  const auto check = [&](std::string_view statement) {
    return check_update(statement, context.error);
  };
  if (!run_statements(context, "updates", &errors, check, one)) return false;
  updating.write(context.reply);
  errors.write(context.reply);
  return true;
}

// ---- delete -------------------------------------------------------------------------------------

namespace {

bool check_delete(std::string_view statement, CommandError* error) {
  static constexpr std::string_view kWhat = "delete.deletes";
  if (!check_fields(statement, kWhat, {"q", "limit", "hint", "collation"}, error) ||
      !check_query(statement, kWhat, error)) {
    return false;
  }
  const Value limit = document::field(statement, "limit");
  if (limit.is_missing()) return refuse_missing(kWhat, "limit", error);
  const auto most = limit.whole_number();
  if (most && (*most == 0 || *most == 1)) return true;
  return refuse(
      error, Code::failed_to_parse,
      {"The limit field in delete objects must be 0 or 1. Got ", document::to_text(limit)});
}

}  // namespace

bool run_delete(Context& context) {
  ++context.engine.deletes;
  std::string_view name;
  if (!context.collection_name(&name)) return false;
  WriteErrors errors;
  std::int64_t count = 0;
  Collection* const collection = context.engine.catalogue.find(context.database, name);
  const auto one = [&](std::size_t, std::string_view statement, std::optional<WriteFault>* fault,
                       CommandError* error) {
    document::Filter filter;
    if (!parse_query(statement, context.constants, &filter, error)) return false;
    if (collection == nullptr) return true;
    const bool all = *document::field(statement, "limit").whole_number() == 0;
    std::vector<std::int64_t> numbers;
    if (!find_numbers(context, *collection, filter, document::field(statement, "hint"), all ? 0 : 1,
                      &numbers, error))
      return false;
    std::string old;
    for (const std::int64_t number : numbers) {
      if (!collection->fetch(number, &old)) continue;
      *fault = collection->remove(number, old);
      if (*fault) return false;
      ++count;
    }
    return true;
  };
  const auto check = [&](std::string_view statement) {
    return check_delete(statement, context.error);
  };
  if (!run_statements(context, "deletes", &errors, check, one)) return false;
  write_count(context.reply, "n", count);
  errors.write(context.reply);
  return true;
}

}  // namespace runtime::docstore
