// $geoNear as a pipeline's first stage, on a plane: documents by their distance from a point.
//
// A place is an array of two numbers or a document whose first two values are numbers. Points on a sphere (GeoJSON,
// `spherical`) are refused. All documents are looked at: an index "2d" names the path, and finds nothing faster.
#pragma once

#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "docstore/commands/context.h"
#include "docstore/document/pipeline.h"

namespace runtime::docstore {

struct Near {
  double x = 0, y = 0;
  std::string distance_field, include_locs, key;
  double most = std::numeric_limits<double>::infinity(), least = 0, multiplier = 1;
  document::Filter query;
};

// Takes the stage off `stages`, an array; *rest is the array of the others. Nothing when the first stage is another one.
bool take_near(Context& context, std::string_view stages, std::optional<Near>* near,
               std::string* rest);

// Gives the documents to the pipeline, the closest first.
bool feed_near(Context& context, Collection& collection, const Near& near,
               document::Pipeline::Run& run);

}  // namespace runtime::docstore
