#pragma once

#include "lib/base/result.h"

#include <string>

namespace wherry::apiserver::storage {

// Keeps a second process (or a second store in this one) away from a data file, by flock(2) on a
// file beside it: "<path>.lock", which names the holder's pid. The data file itself is left to
// SQLite's own fcntl locks, which closing any descriptor of it would drop (fcntl(2)).
class FileLock {
 public:
  // Does not wait. Errors: kConflict when somebody holds it.
  static Result<FileLock> Take(const std::string& path);
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace wherry::apiserver::storage
