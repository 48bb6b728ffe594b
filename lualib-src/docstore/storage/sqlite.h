// SQLite, as far as the store needs it: one connection and its statements.
//
// Threads:   one at a time; the connection is opened without SQLite's own locks.
// Ownership: a Statement must end before its Connection. Bytes of a row live until the next step().
// Errors:    what the file may cause (full disk, damage) is kept as failure(): the first one since it was cleared.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace runtime::docstore {

class Connection {
 public:
  Connection() = default;
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // What went wrong, or nothing. `path` may be ":memory:".
  std::string open(const std::string& path);

  // Runs statements that give no rows. False: failure() says why.
  bool run(const char* sql);
  bool run(const std::string& sql) { return run(sql.c_str()); }

  std::int64_t last_rowid() const;
  // Rows written since it was opened, those that were taken back among them: whether there was any between two calls.
  std::int64_t all_changes() const;
  const std::string& failure() const { return failure_; }
  void clear_failure() { failure_.clear(); }
  bool is_full() const { return full_; }  // the failure was a lack of space

  // SQLite moves nothing from the log to the file by itself any more: it is the caller's to do when a commit has left
  // `pages` or more of it.
  void checkpoint_at(int pages);
  bool wants_checkpoint() const { return log_pages_ >= checkpoint_pages_; }
  // Nothing is lost when it fails: the next commit wants it again.
  void checkpoint();

  sqlite3* raw() { return database_; }
  void note_failure();

 private:
  sqlite3* database_ = nullptr;
  std::string failure_;
  bool full_ = false;
  int log_pages_ = 0;
  int checkpoint_pages_ = 1;
};

class Statement {
 public:
  Statement() = default;
  Statement(Connection& connection, const std::string& sql);
  ~Statement();
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&& other) noexcept;

  explicit operator bool() const { return statement_ != nullptr; }

  // The bytes bound must live until reset().
  Statement& bind(int at, std::string_view blob);
  Statement& bind(int at, std::int64_t number);
  Statement& bind_text(int at, std::string_view text);

  // True: a row is there. False: the end, or a failure, which the connection keeps.
  bool step();
  // True when it ran to its end; resets.
  bool run();
  void reset();

  std::string_view blob(int column) const;
  std::string_view text(int column) const { return blob(column); }
  std::int64_t number(int column) const;

 private:
  Connection* connection_ = nullptr;
  sqlite3_stmt* statement_ = nullptr;
  bool failed_ = false;
};

// Resets a statement when its use ends, so that it holds no lock and no row.
class InUse {
 public:
  explicit InUse(Statement& statement) : statement_(statement) {}
  ~InUse() { statement_.reset(); }
  InUse(const InUse&) = delete;
  InUse& operator=(const InUse&) = delete;

 private:
  Statement& statement_;
};

}  // namespace runtime::docstore
