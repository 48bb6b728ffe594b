// Any array as a pipeline, on a few documents: it is refused with a name, or what comes out are documents.
#include "docstore/document/pipeline.h"
#include "docstore_input.h"

namespace {

using namespace runtime::document;

constexpr std::string_view kNames[] = {"$match",
                                       "$sort",
                                       "$skip",
                                       "$limit",
                                       "$project",
                                       "$addFields",
                                       "$unset",
                                       "$group",
                                       "$count",
                                       "$unwind",
                                       "$lookup",
                                       "$replaceRoot",
                                       "$replaceWith",
                                       "$sortByCount",
                                       "_id",
                                       "a",
                                       "b",
                                       "a.b",
                                       "path",
                                       "from",
                                       "localField",
                                       "foreignField",
                                       "as",
                                       "newRoot",
                                       "$add",
                                       "$subtract",
                                       "$multiply",
                                       "$divide",
                                       "$mod",
                                       "$concat",
                                       "$cond",
                                       "$ifNull",
                                       "$eq",
                                       "$gt",
                                       "$and",
                                       "$or",
                                       "$not",
                                       "$size",
                                       "$toString",
                                       "$toInt",
                                       "$dateToString",
                                       "$map",
                                       "$filter",
                                       "$reduce",
                                       "$let",
                                       "input",
                                       "in",
                                       "vars",
                                       "cond",
                                       "initialValue",
                                       "date",
                                       "format",
                                       "$sum",
                                       "$avg",
                                       "$min",
                                       "$push",
                                       "$addToSet",
                                       "$first",
                                       "$arrayElemAt",
                                       "$concatArrays",
                                       "$slice",
                                       "$split",
                                       "$substrCP",
                                       "$mergeObjects",
                                       "$switch",
                                       "branches",
                                       "case",
                                       "then",
                                       "default",
                                       "$this",
                                       "$value",
                                       "$ROOT",
                                       "$literal",
                                       "$year",
                                       "$toDate",
                                       "$pow",
                                       "$abs",
                                       "$objectToArray",
                                       "$arrayToObject",
                                       "includeArrayIndex",
                                       "preserveNullAndEmptyArrays",
                                       "$type",
                                       "$in",
                                       "$expr",
                                       "let",
                                       "pipeline",
                                       "$round",
                                       "$trunc",
                                       "$log",
                                       "$substrBytes",
                                       "$indexOfCP",
                                       "$indexOfArray",
                                       "$trim",
                                       "chars",
                                       "$replaceAll",
                                       "find",
                                       "replacement",
                                       "$regexMatch",
                                       "regex",
                                       "options",
                                       "$setUnion",
                                       "$setDifference",
                                       "$setIsSubset",
                                       "$range",
                                       "$sortArray",
                                       "sortBy",
                                       "$toDecimal",
                                       "$toDouble"};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzInput input(data, size);
  std::vector<std::string> documents;
  for (int i = input.byte() % 3; i >= 0; --i) documents.push_back(input.document(kFieldNames));
  runtime::bson::Writer writer;
  const std::size_t root = writer.open();
  runtime::bson::ArrayKey index;
  for (int i = input.byte() % 4; i >= 0; --i) {
    const std::string stage = input.document(kNames);
    if (!stage.empty()) writer.raw(Type::document, index.next(), stage);
  }
  writer.close(root);
  CommandError error;
  const std::optional<Pipeline> pipeline = Pipeline::parse(writer.bytes(), &error);
  want(pipeline || (error.number() != 0 && !error.message.empty()));
  if (!pipeline) return 0;
  Surroundings surroundings;
  int reads = 0;  // pipelines within each other read very often
  surroundings.read = [&](const std::string&, const Filter& filter, const auto& take,
                          CommandError* refused) {
    for (const std::string& document : documents) {
      if (document.empty() || ++reads > 10000) continue;
      MatchDetails details;
      const bool matches = filter.matches(document, &details);
      if (!details.check(refused)) return false;
      if (matches && !take(document)) break;
    }
    return true;
  };
  const auto run = pipeline->start(surroundings, [](std::string_view document, CommandError*) {
    CommandError fault;
    want(check_document(document, 201, &fault));
    return true;
  });
  for (const std::string& document : documents) {
    if (document.empty() || !run->wants_more()) continue;
    if (run->push(document, &error)) continue;
    want(error.number() != 0);
    return 0;
  }
  want(run->finish(&error) || error.number() != 0);
  return 0;
}
