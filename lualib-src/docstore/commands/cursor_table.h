// Answers that do not fit into one message: what is left of them, by the number that the client asks for more with.
//
// A cursor of a plain find reads on when it is asked (see ScanState for what it sees); one over sorted or computed
// documents has them in memory. Cursors end when they are used up, killed, unused for ten minutes, or when their
// collection is dropped.
//
// Threads: that of the store.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "docstore/document/filter.h"
#include "docstore/document/pipeline.h"
#include "docstore/document/projection.h"
#include "docstore/storage/scan.h"

namespace runtime::docstore {

constexpr std::size_t kMostCursors = 10'000;
constexpr std::size_t kMostCursorBytes = std::size_t{256}
                                         << 20;  // of documents that wait, of all cursors
constexpr std::chrono::minutes kCursorLife{10};

struct Cursor {
  std::int64_t id = 0;
  std::string database, collection;
  std::int64_t collection_id = 0;

  // Where documents come from: a scan, unless it has ended.
  ScanState scan;
  bool scan_ended = false;
  document::Filter filter;
  std::optional<document::Projection> projection;
  std::int64_t skip = 0;
  std::optional<std::int64_t> limit;

  // In a pipeline they go through a run.
  std::optional<document::Pipeline> pipeline;
  std::unique_ptr<document::Pipeline::Run> run;

  // Documents that are ready to go.
  std::deque<std::string> ready;
  std::size_t ready_bytes = 0;

  std::optional<std::int64_t> batch_size;
  bool never_times_out = false;
  std::chrono::steady_clock::time_point last_used;

  void hold(std::string document) {
    ready_bytes += document.size();
    ready.push_back(std::move(document));
  }
  bool is_used_up() const { return scan_ended && ready.empty(); }
};

class CursorTable {
 public:
  // Gives it a number that nobody can guess. 0 when there are too many, or they hold too much.
  std::int64_t add(std::unique_ptr<Cursor> cursor);
  Cursor* find(std::int64_t id);
  bool remove(std::int64_t id);
  // What was kept for a collection that is gone.
  void remove_all_of(std::int64_t collection_id);
  void remove_unused(std::chrono::steady_clock::time_point now);

  std::size_t count() const { return cursors_.size(); }
  std::size_t bytes() const;
  std::uint64_t timed_out() const { return timed_out_; }

 private:
  std::unordered_map<std::int64_t, std::unique_ptr<Cursor>> cursors_;
  std::uint64_t timed_out_ = 0;
};

}  // namespace runtime::docstore
