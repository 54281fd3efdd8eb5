#pragma once

#include "lib/base/result.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace wherry::apiserver::storage {

// A prepared statement. Between two Resets: Bind all, then Step until it says false.
class Statement {
 public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  // Parameters count from 1. Text is not copied: it must stay until Reset.
  Statement& Bind(int index, int64_t value);
  Statement& Bind(int index, std::string_view text);
  Statement& BindNull(int index);

  // True: a row is there to be read. False: done, and reset.
  Result<bool> Step();
  // Step for statements without rows.
  Status Run();
  void Reset();

  // Columns count from 0. The view lives until the next Step or Reset.
  int64_t Int(int column) const;
  std::string_view Text(int column) const;
  bool IsNull(int column) const;

 private:
  friend class Database;
  Statement(sqlite3_stmt* statement, const std::string* path)
      : statement_(statement), path_(path) {}
  sqlite3_stmt* statement_;
  const std::string* path_;
};

// One SQLite connection. One thread at a time. Errors carry SQLite's own words; whether one means
// that another program holds a lock is asked with IsBusy right after it.
class Database {
 public:
  // Opens or creates (mode 0600).
  static Result<std::unique_ptr<Database>> Open(const std::string& path);
  // A second connection, to a file that is there.
  static Result<std::unique_ptr<Database>> OpenReadOnly(const std::string& path);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // One or more statements without parameters and results.
  Status Execute(const char* sql);
  Result<Statement> Prepare(std::string_view sql);
  // The first column of the first row.
  Result<int64_t> QueryInt(std::string_view sql);
  bool IsBusy() const;

 private:
  static Result<std::unique_ptr<Database>> Connect(const std::string& path, int mode);
  Database(sqlite3* database, std::string path) : database_(database), path_(std::move(path)) {}
  sqlite3* database_;
  std::string path_;
};

}  // namespace wherry::apiserver::storage
