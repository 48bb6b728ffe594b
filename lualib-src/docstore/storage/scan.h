// Reading documents along a plan, a piece at a time.
//
// A ScanState is a position: it holds nothing of SQLite's, so it may wait for as long as it likes. A Scan reads on
// from there and leaves the new position behind when it ends. It sees what is there when it reads: documents that
// were written between two Scans behind the position come, those before it do not. In document order none comes
// twice; in key order one whose key was raised meanwhile may, as in MongoDB.
//
// Threads: that of the store.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "docstore/document/key.h"
#include "docstore/storage/collection.h"

namespace runtime::docstore {

struct Plan {
  enum class Kind {
    documents,  // all, in the order of their insertion
    id,         // by _id
    index,
  } kind = Kind::documents;
  std::int64_t index = 0;
  bool backward = false;
  bool is_sorted = false;   // in the order that was asked for
  bool may_repeat = false;  // a document can be under several keys
  // Ascending, apart from each other; none for documents. An empty `high` is the end of all keys.
  std::vector<document::KeyRange> ranges;
};

struct ScanState {
  Plan plan;
  std::size_t range = 0;  // how many are behind us
  bool is_begun = false;  // in this range: the two below are those of the last document
  std::int64_t number = 0;
  std::string key;
  std::unordered_set<std::int64_t> seen;  // where documents may repeat
};

class Scan {
 public:
  // Both must live as long as the scan; nothing may be written meanwhile.
  Scan(Collection& collection, ScanState& state);
  ~Scan();
  Scan(const Scan&) = delete;
  Scan& operator=(const Scan&) = delete;

  // False at the end, and when the file fails: the connection tells.
  bool next();
  std::int64_t number() const { return number_; }
  std::string_view document() const { return document_; }  // until the next call

 private:
  bool open();
  void close();
  const document::KeyRange& current() const;
  std::string text() const;

  Collection& collection_;
  ScanState& state_;
  std::string sql_;
  Statement statement_;
  std::string low_, high_;  // as bound
  bool is_at_row_ = false;
  std::int64_t number_ = 0;
  std::string_view document_;
};

}  // namespace runtime::docstore
