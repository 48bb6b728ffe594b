#include "docstore/commands/near.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "docstore/commands/query.h"
#include "docstore/commands/stats.h"
#include "docstore/document/path.h"

namespace runtime::docstore {

namespace {

struct Place {
  double x, y;
};

std::optional<double> plain_number(const Value& value) {
  if (!value.is_number() || value.type == bson::Type::decimal128) return std::nullopt;
  return value.real();
}

std::optional<Place> place_of(const Value& value) {
  if (!value.is_container()) return std::nullopt;
  bson::Reader reader(value.bytes);
  bson::Element first, second;
  if (!reader.next(&first) || !reader.next(&second)) return std::nullopt;
  const auto x = plain_number(Value(first)), y = plain_number(Value(second));
  if (!x || !y) return std::nullopt;
  return Place{*x, *y};
}

bool parse_option(const bson::Element& element, Near* near, CommandError* error) {
  const Value value(element);
  const std::string_view name = element.key;
  if (name == "near") {
    const auto place = place_of(value);
    if (!place) {
      return refuse(error, Code::not_implemented,
                    {"$geoNear: 'near' must be a point of two numbers; GeoJSON is not kept here"});
    }
    near->x = place->x;
    near->y = place->y;
    return true;
  }
  if (name == "query") {
    if (!value.is_document())
      return refuse(error, Code::type_mismatch, {"$geoNear: 'query' must be an object"});
    auto filter = document::Filter::parse(value.bytes, error);
    if (filter) near->query = std::move(*filter);
    return filter.has_value();
  }
  for (const auto& [text_name, text] :
       {std::pair<std::string_view, std::string*>{"distanceField", &near->distance_field},
        {"includeLocs", &near->include_locs},
        {"key", &near->key}}) {
    if (name != text_name) continue;
    if (value.type != bson::Type::string)
      return refuse(error, Code::type_mismatch, {"$geoNear: '", name, "' must be a string"});
    *text = value.text();
    return true;
  }
  for (const auto& [number_name, number] :
       {std::pair<std::string_view, double*>{"maxDistance", &near->most},
        {"minDistance", &near->least},
        {"distanceMultiplier", &near->multiplier}}) {
    if (name != number_name) continue;
    const auto given = plain_number(value);
    if (!given || *given < 0)
      return refuse(error, Code::type_mismatch, {"$geoNear: '", name, "' must be a number >= 0"});
    *number = *given;
    return true;
  }
  if (name == "spherical" && !value.is_true()) return true;
  return refuse(error, Code::not_implemented, {"$geoNear: '", name, "' is not implemented here"});
}

// The document with the distance, and the place, at paths without dots.
std::string with_distance(std::string_view document, const Near& near, double distance,
                          const Value& place) {
  bson::Writer writer;
  const std::size_t root = writer.open();
  bson::Reader reader(document);
  bson::Element element;
  while (reader.next(&element)) {
    if (element.key == near.distance_field || element.key == near.include_locs) continue;
    writer.raw(element.type, element.key, element.value);
  }
  if (!near.distance_field.empty()) writer.real(near.distance_field, distance * near.multiplier);
  if (!near.include_locs.empty()) writer.raw(place.type, near.include_locs, place.bytes);
  writer.close(root);
  return std::string(writer.bytes());
}

// The path of the collection's "2d" index; a stage without `key` means that one.
const IndexSpec* place_index(const Collection& collection, std::string_view key) {
  for (const auto& index : collection.indexes()) {
    if (index->spec().is_place && (key.empty() || index->spec().paths[0].path == key))
      return &index->spec();
  }
  return nullptr;
}

}  // namespace

bool take_near(Context& context, std::string_view stages, std::optional<Near>* near,
               std::string* rest) {
  const bson::Element first = document::first_element(stages);
  if (first.type != bson::Type::document) return true;
  const bson::Element stage = document::first_element(first.value);
  if (stage.key != "$geoNear") return true;
  if (stage.type != bson::Type::document) {
    return refuse(context.error, document::location(10065),
                  {"$geoNear: the stage must be an object"});
  }
  near->emplace();
  bson::Reader options(stage.value);
  bson::Element option;
  bool has_place = false;
  while (options.next(&option)) {
    if (!parse_option(option, &**near, context.error)) return false;
    has_place = has_place || option.key == "near";
  }
  if (!has_place)
    return refuse(context.error, document::location(5860400),
                  {"$geoNear requires a 'near' argument"});
  *rest = without_first(stages);
  return true;
}

bool feed_near(Context& context, Collection& collection, const Near& near,
               document::Pipeline::Run& run) {
  const IndexSpec* const index = place_index(collection, near.key);
  if (index == nullptr) {
    return refuse(context.error, Code::no_query_execution_plans,
                  {"unable to find index for $geoNear query"});
  }
  const document::Path path(index->paths[0].path);
  std::vector<std::pair<double, std::string>> found;
  ScanState scan;
  const auto add = [&](std::int64_t, std::string_view document, const document::MatchDetails&) {
    const Value value = document::plain_value(document, path);
    const auto place = place_of(value);
    if (!place) return true;
    const double distance = std::hypot(place->x - near.x, place->y - near.y);
    if (distance <= near.most && distance >= near.least) {
      found.emplace_back(distance, with_distance(document, near, distance, value));
    }
    return true;
  };
  if (!each_match(context, collection, scan, near.query, add)) return false;
  std::ranges::stable_sort(found, {}, &std::pair<double, std::string>::first);
  for (const auto& [distance, document] : found) {
    if (!run.wants_more()) break;
    if (!run.push(document, context.error)) return false;
  }
  return true;
}

}  // namespace runtime::docstore
