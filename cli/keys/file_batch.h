#pragma once

#include "lib/base/result.h"

#include <string>
#include <utility>
#include <vector>

namespace wherry::cli {

// Files to be replaced together, so that the disk is waited for once and not for each of them.
class FileBatch {
 public:
  void Add(std::string path, std::string contents) {
    files_.emplace_back(std::move(path), std::move(contents));
  }
  bool empty() const { return files_.empty(); }

  // Writes all of them beside their targets with mode 0600, syncs, renames them in order, and syncs
  // the directories. Before the renames every file is as it was; after Commit all are durable.
  // Blocking; any thread. Errors: kNotFound, kInternalError with errno; temporary files are gone
  // then.
  Status Commit() const;

 private:
  std::vector<std::pair<std::string, std::string>> files_;
};

}  // namespace wherry::cli
