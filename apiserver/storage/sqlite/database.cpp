#include "apiserver/storage/sqlite/database.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace wherry::apiserver::storage {
namespace {

Error SqliteError(sqlite3* database, const std::string& path, std::string_view doing) {
  Error error = MakeError(Reason::kInternalError,
                          std::string(doing) + " '" + path + "': " + sqlite3_errmsg(database));
  error.os_errno = sqlite3_system_errno(database);
  return error;
}

}  // namespace

Statement::Statement(Statement&& other) noexcept
    : statement_(std::exchange(other.statement_, nullptr)), path_(other.path_) {}

Statement::~Statement() { sqlite3_finalize(statement_); }

Statement& Statement::Bind(int index, int64_t value) {
  CHECK(sqlite3_bind_int64(statement_, index, value) == SQLITE_OK);
  return *this;
}

Statement& Statement::Bind(int index, std::string_view text) {
  // A null pointer would bind NULL.
  const char* data = text.data() == nullptr ? "" : text.data();
  CHECK(sqlite3_bind_text64(statement_, index, data, text.size(), nullptr, SQLITE_UTF8) ==
        SQLITE_OK);
  return *this;
}

Statement& Statement::BindNull(int index) {
  CHECK(sqlite3_bind_null(statement_, index) == SQLITE_OK);
  return *this;
}

Result<bool> Statement::Step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) {
    Reset();
    return false;
  }
  Error error = SqliteError(sqlite3_db_handle(statement_), *path_, "access");
  Reset();
  return error;
}

Status Statement::Run() {
  TRY(const bool row, Step());
  if (row) Reset();
  return Ok();
}

void Statement::Reset() {
  sqlite3_reset(statement_);  // repeats the error of Step, which has been told
}

int64_t Statement::Int(int column) const { return sqlite3_column_int64(statement_, column); }

std::string_view Statement::Text(int column) const {
  const void* data = sqlite3_column_blob(statement_, column);
  const auto size = static_cast<size_t>(sqlite3_column_bytes(statement_, column));
  return size == 0 ? std::string_view() : std::string_view(static_cast<const char*>(data), size);
}

bool Statement::IsNull(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

Result<std::unique_ptr<Database>> Database::Open(const std::string& path) {
  // SQLite gives its -wal and -shm files the mode of this one.
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return ErrnoError(errno, "open '" + path + "'");
  ::close(fd);
  return Connect(path, SQLITE_OPEN_READWRITE);
}

Result<std::unique_ptr<Database>> Database::OpenReadOnly(const std::string& path) {
  return Connect(path, SQLITE_OPEN_READONLY);
}

Result<std::unique_ptr<Database>> Database::Connect(const std::string& path, int mode) {
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &handle, mode | SQLITE_OPEN_NOMUTEX, nullptr);
  std::unique_ptr<Database> database(new Database(handle, path));
  if (code != SQLITE_OK) return SqliteError(handle, path, "open");
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_timeout(handle, 2000);
  return database;
}

Database::~Database() { sqlite3_close_v2(database_); }

Status Database::Execute(const char* sql) {
  if (sqlite3_exec(database_, sql, nullptr, nullptr, nullptr) != SQLITE_OK)
    return SqliteError(database_, path_, "access");
  return Ok();
}

Result<Statement> Database::Prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v3(database_, sql.data(), static_cast<int>(sql.size()),
                         SQLITE_PREPARE_PERSISTENT, &statement, nullptr) != SQLITE_OK)
    return SqliteError(database_, path_, "prepare a statement for");
  return Statement(statement, &path_);
}

Result<int64_t> Database::QueryInt(std::string_view sql) {
  TRY(Statement statement, Prepare(sql));
  TRY(const bool row, statement.Step());
  return row ? statement.Int(0) : 0;
}

bool Database::IsBusy() const {
  // The low byte says what happened, the others where: SQLITE_BUSY_SNAPSHOT is busy too.
  constexpr int kPrimary = 0xff;
  const int code = sqlite3_errcode(database_) & kPrimary;
  return code == SQLITE_BUSY || code == SQLITE_LOCKED;
}

}  // namespace wherry::apiserver::storage
