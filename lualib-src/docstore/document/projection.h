// A projection: which fields of a document an answer has.
//
// {a: 1, "b.c": 1} keeps these and the _id; {a: 0} leaves these out; {_id: 0} goes with both. $slice, $elemMatch and
// the positional "a.$" as MongoDB has them; other values are expressions and computed.
//
// Threads:   a parsed Projection may be used by several threads at once.
// Ownership: it copies what it needs.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "docstore/document/error.h"
#include "docstore/document/filter.h"
#include "docstore/document/update.h"

namespace runtime::document {

class Constants;
class ProjectionTree;

class Projection {
 public:
  ~Projection();
  Projection(Projection&& other) noexcept;
  Projection& operator=(Projection&& other) noexcept;

  // Of find and findAndModify. `constants` (or null) are what its expressions may use.
  static std::optional<Projection> parse(std::string_view document, CommandError* error,
                                         const Constants* constants = nullptr);

  // Whether the MatchDetails of the document are needed.
  bool is_positional() const;
  // Refuses when an expression fails, or the position is not known.
  bool apply(std::string_view document, const MatchDetails& details, std::string* out,
             CommandError* error) const;

 private:
  explicit Projection(std::unique_ptr<ProjectionTree> tree);
  std::unique_ptr<ProjectionTree> tree_;
  Clock clock_;  // $$NOW: when it was parsed
};

}  // namespace runtime::document
