#pragma once

#include "lib/base/result.h"
#include "lib/linux/fd.h"
#include "lib/linux/temp_dir.h"

#include <string>
#include <vector>

namespace wherry::nodeagent::images {

// A scratch directory that is locked while it is in use, and removed afterwards. The lock ends with
// its process, however that ends: what is not locked belongs to nobody. Blocking. Source: flock(2).
class Staging {
 public:
  // Below `parent`, which exists. Not while FindAbandoned runs: until it is locked a new directory
  // looks abandoned.
  static Result<Staging> Make(const std::string& parent);
  // One below `parent` that nobody used; nobody else removes it while the lock is held.
  struct Abandoned {
    std::string name;
    linux::Fd lock;  // empty where it is no directory
  };
  // Errors: whatever keeps one from being looked at, such as a want of descriptors.
  static Result<std::vector<Abandoned>> FindAbandoned(int parent);

  const std::string& path() const { return directory_.path(); }

 private:
  Staging(linux::Fd lock, linux::TempDir directory)
      : lock_(std::move(lock)), directory_(std::move(directory)) {}
  linux::Fd lock_;  // outlasts the directory
  linux::TempDir directory_;
};

}  // namespace wherry::nodeagent::images
