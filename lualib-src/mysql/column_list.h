// The columns of a result, as their packets come.
//
// Results of one connection have the same columns again and again, mostly: a packet that has the bytes of the one that
// stood in its place in the result before is not parsed again.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mysql/packets.h"

namespace runtime::mysql {

class ColumnList {
 public:
  // From now on `wanted` columns are to come, at least one. Until all are there, columns() must not be asked for.
  void begin(std::size_t wanted) {
    wanted_ = wanted;
    taken_ = 0;
  }
  void clear() {
    begin(0);
    columns_.clear();
    packets_.clear();
  }

  // The next one. False: the packet is cut short.
  bool take(std::string_view packet) {
    if (taken_ >= packets_.size() || packets_[taken_] != packet) {
      if (!replace(packet)) return false;
    }
    if (++taken_ == wanted_ && columns_.size() > wanted_) shorten();
    return true;
  }
  [[nodiscard]] bool is_full() const { return taken_ == wanted_; }

  [[nodiscard]] const std::vector<Column>& columns() const { return columns_; }

 private:
  static constexpr std::size_t kKept = 64;  // packets; those behind are parsed each time

  bool replace(std::string_view packet) {
    std::optional<Column> column = parse_column(packet);
    if (!column) return false;
    if (taken_ < columns_.size()) {
      columns_[taken_] = std::move(*column);
    } else {
      columns_.push_back(std::move(*column));
    }
    if (taken_ < packets_.size()) {
      packets_[taken_] = packet;
    } else if (taken_ < kKept) {
      packets_.emplace_back(packet);
    }
    return true;
  }
  void shorten() {
    columns_.erase(columns_.begin() + static_cast<std::ptrdiff_t>(wanted_), columns_.end());
    if (packets_.size() > wanted_) packets_.resize(wanted_);
  }

  std::size_t wanted_ = 0;
  std::size_t taken_ = 0;
  std::vector<Column> columns_;  // the first taken_ are of this result, others of the one before
  std::vector<std::string> packets_;  // of the first columns
};

}  // namespace runtime::mysql
