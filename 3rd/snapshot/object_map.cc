#include "object_map.h"

namespace runtime {

bool ObjectMap::refer(const void* object, const void* parent,
                      std::string_view description) noexcept {
  const auto [found, is_new] = index_.try_emplace(object, objects_.size());
  if (is_new) objects_.push_back({object, {}, {}});
  auto& parents = objects_[found->second].parents;
  const auto [edge, is_new_edge] = edge_index_.try_emplace(Edge{object, parent}, parents.size());
  if (is_new_edge) {
    parents.emplace_back(parent, description);
  } else {
    parents[edge->second].second = description;
  }
  return is_new;
}

void ObjectMap::describe(const void* object, std::string_view title) noexcept {
  objects_[index_.at(object)].title += title;
}

std::string_view ObjectMap::text(std::size_t i, std::string (*format)(const void*)) noexcept {
  const Object& object = objects_[i];
  text_.assign(object.title).append("\n");
  for (const auto& [parent, description] : object.parents) {
    text_.append(format(parent)).append(" : ").append(description).append("\n");
  }
  return text_;
}

}  // namespace runtime
