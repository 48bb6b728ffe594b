// What this process shares under which name. There is one library for each kind of shared data, as
// services find the data by its name alone, through modules that reach nothing else of the node.
//
// Threads:   any.
// Ownership: a library holds a reference to each current version; older ones live as long as
//            somebody holds them.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "share/image.h"

namespace runtime::share {

class Library {
 public:
  // The current version; none for an unknown name.
  ImageRef find(std::string_view name) const noexcept;
  std::vector<std::string> names() const noexcept;

  // A new document; false when the name is taken.
  bool add(std::string_view name, ImageRef image) noexcept;
  // A new version of a document, or a new document.
  void replace(std::string_view name, ImageRef image) noexcept;
  // Frees the name; false when it is unknown. Who holds the data keeps it.
  bool remove(std::string_view name) noexcept;

  // Services that hold some version of a document, so that they can be told of a new one. Calls are
  // counted.
  void hold(std::uint64_t lineage, std::uint32_t service) noexcept;
  void let_go(std::uint64_t lineage, std::uint32_t service) noexcept;
  std::vector<std::uint32_t> holders(std::string_view name) const noexcept;

 private:
  void publish(std::string_view name, ImageRef image, std::uint64_t lineage, ImageRef* old);

  mutable std::mutex mutex_;
  std::map<std::string, ImageRef, std::less<>> current_;                    // guarded by mutex_
  std::map<std::pair<std::uint64_t, std::uint32_t>, std::size_t> holders_;  // guarded by mutex_
  std::uint64_t last_lineage_ = 0;                                          // guarded by mutex_
};

enum class Kind { tables, data, sheets };  // sharetable, sharedata, datasheet
Library& library(Kind kind) noexcept;

}  // namespace runtime::share
