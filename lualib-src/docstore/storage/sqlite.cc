#include "docstore/storage/sqlite.h"

#include <sqlite3.h>

#include <utility>

namespace runtime::docstore {

Connection::~Connection() {
  if (database_ != nullptr) sqlite3_close(database_);
}

std::string Connection::open(const std::string& path) {
  const int flags =
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  if (sqlite3_open_v2(path.c_str(), &database_, flags, nullptr) == SQLITE_OK) return {};
  std::string why = database_ != nullptr ? sqlite3_errmsg(database_) : "out of memory";
  sqlite3_close(std::exchange(database_, nullptr));
  return why;
}

void Connection::note_failure() {
  full_ = (sqlite3_errcode(database_) & 0xff) == SQLITE_FULL;
  if (failure_.empty()) failure_ = sqlite3_errmsg(database_);
}

bool Connection::run(const char* sql) {
  if (sqlite3_exec(database_, sql, nullptr, nullptr, nullptr) == SQLITE_OK) return true;
  note_failure();
  return false;
}

void Connection::checkpoint_at(int pages) {
  checkpoint_pages_ = pages;
  const auto count = [](void* log_pages, sqlite3*, const char*, int now) {
    *static_cast<int*>(log_pages) = now;
    return SQLITE_OK;
  };
  sqlite3_wal_hook(database_, count, &log_pages_);  // in the place of SQLite's own
}

void Connection::checkpoint() {
  log_pages_ = 0;
  sqlite3_wal_checkpoint_v2(database_, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
}

std::int64_t Connection::last_rowid() const { return sqlite3_last_insert_rowid(database_); }
std::int64_t Connection::all_changes() const { return sqlite3_total_changes64(database_); }

Statement::Statement(Connection& connection, const std::string& sql) : connection_(&connection) {
  const int status =
      sqlite3_prepare_v3(connection.raw(), sql.c_str(), static_cast<int>(sql.size()) + 1,
                         SQLITE_PREPARE_PERSISTENT, &statement_, nullptr);
  if (status != SQLITE_OK) connection.note_failure();
}

Statement::~Statement() { sqlite3_finalize(statement_); }

Statement::Statement(Statement&& other) noexcept
    : connection_(other.connection_),
      statement_(std::exchange(other.statement_, nullptr)),
      failed_(other.failed_) {}

Statement& Statement::operator=(Statement&& other) noexcept {
  if (this == &other) return *this;
  sqlite3_finalize(statement_);
  connection_ = other.connection_;
  statement_ = std::exchange(other.statement_, nullptr);
  failed_ = other.failed_;
  return *this;
}

Statement& Statement::bind(int at, std::string_view blob) {
  // A null pointer would be NULL, not an empty blob.
  sqlite3_bind_blob64(statement_, at, blob.data() != nullptr ? blob.data() : "", blob.size(),
                      SQLITE_STATIC);
  return *this;
}

Statement& Statement::bind(int at, std::int64_t number) {
  sqlite3_bind_int64(statement_, at, number);
  return *this;
}

Statement& Statement::bind_text(int at, std::string_view text) {
  sqlite3_bind_text64(statement_, at, text.data() != nullptr ? text.data() : "", text.size(),
                      SQLITE_STATIC, SQLITE_UTF8);
  return *this;
}

bool Statement::step() {
  if (statement_ == nullptr) return false;
  const int status = sqlite3_step(statement_);
  if (status == SQLITE_ROW) return true;
  failed_ = status != SQLITE_DONE;
  if (failed_) connection_->note_failure();
  return false;
}

bool Statement::run() {
  if (statement_ == nullptr) return false;
  while (step()) {
  }
  const bool good = !failed_;
  reset();
  return good;
}

void Statement::reset() {
  sqlite3_reset(statement_);
  failed_ = false;
}

std::string_view Statement::blob(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

std::int64_t Statement::number(int column) const {
  return sqlite3_column_int64(statement_, column);
}

}  // namespace runtime::docstore
