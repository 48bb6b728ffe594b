// Expressions of $project, $addFields, $group and their kin: what is computed from a document.
//
//   "$a.b"  a field     "$$name"  a variable     {$add: ["$a", 1]}  an operator     {x: "$a"}, ["$a"], 5  themselves
//
// The operators are those of docs/docstore.md. Another name is MongoDB's error InvalidPipelineOperator.
//
// Threads:   a parsed expression may be used by several threads at once; a Scope by one.
// Ownership: an expression copies what it needs of the bytes it was parsed from.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "docstore/document/error.h"
#include "docstore/document/update.h"
#include "docstore/document/value.h"

namespace runtime::document {

class Constants;

// What an expression may see.
struct Scope {
  Value root;
  Clock clock;
  std::vector<std::pair<std::string_view, Value>> variables = {};  // the last of a name counts
};

class Expression {
 public:
  virtual ~Expression() = default;
  // *out may become what is missing. False: refused.
  virtual bool evaluate(Scope& scope, OwnedValue* out, CommandError* error) const = 0;
};
using Expressions = std::vector<std::unique_ptr<Expression>>;

// Whether what an expression has made may go on: no larger than a document, no deeper than one that travels. Else a few
// operators within each other could make one of any size.
bool check_made(const OwnedValue& value, CommandError* error);
bool check_made_bytes(std::size_t bytes, CommandError* error);

class ExpressionParser {
 public:
  // `constants` (or null): what expressions may use besides; it outlives the parser.
  explicit ExpressionParser(CommandError* error, const Constants* constants = nullptr)
      : error_(error), constants_(constants) {}

  // Null: refused.
  std::unique_ptr<Expression> parse(const Value& value);
  // The arguments of an operator: of an array each element, else the value alone.
  bool parse_arguments(const Value& value, Expressions* out);

  // A name that the expressions parsed until it is forgotten may use.
  void declare(std::string_view name) { variables_.emplace_back(name); }
  void forget() { variables_.pop_back(); }

  bool refuse(Code code, std::initializer_list<std::string_view> parts) {
    return document::refuse(error_, code, parts);
  }
  CommandError* error() const { return error_; }

 private:
  std::unique_ptr<Expression> parse_text(const Value& value);
  std::unique_ptr<Expression> parse_document(const Value& value);
  std::unique_ptr<Expression> parse_array(const Value& value);
  std::unique_ptr<Expression> parse_operator(const bson::Element& element);

  CommandError* const error_;
  const Constants* const constants_;
  std::vector<std::string> variables_;
};

// An operator that gets the values of all its arguments.
using Function = bool (*)(std::string_view name, const std::vector<OwnedValue>& arguments,
                          OwnedValue* out, CommandError* error);
struct FunctionEntry {
  std::string_view name;
  std::size_t least, most;  // arguments
  Function function;
};
// In expression_numbers.cc, ..._text.cc, ..._search.cc, ..._arrays.cc, ..._sets.cc and ..._convert.cc.
std::span<const FunctionEntry> number_functions();
std::span<const FunctionEntry> search_functions();
std::span<const FunctionEntry> set_functions();
std::span<const FunctionEntry> text_functions();
std::span<const FunctionEntry> array_functions();
std::span<const FunctionEntry> convert_functions();

// The operators that evaluate their arguments only as needed, or with variables: expression_logic.cc and
// expression_loops.cc. *known: whether there is one of that name.
std::unique_ptr<Expression> parse_logic(const bson::Element& element, ExpressionParser& parser,
                                        bool* known);
std::unique_ptr<Expression> parse_loop(const bson::Element& element, ExpressionParser& parser,
                                       bool* known);

}  // namespace runtime::document
