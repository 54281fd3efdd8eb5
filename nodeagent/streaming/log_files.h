#pragma once

#include "lib/base/result.h"
#include "lib/linux/fd.h"

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace wherry::nodeagent::streaming {

// The files of one container's log as one text: the rotated ones, oldest first, then the one that
// is written. The writer may rotate and remove files at any moment; what follows a file is looked
// up when it has been read, by inode, since names move on meanwhile. A file that is removed before
// it was opened is left out.
//
// Blocking; any thread, one at a time.
class LogFiles {
 public:
  // `path` is the file that is written; rotated ones are "<path>.<time>".
  explicit LogFiles(std::string path) : path_(std::move(path)) {}

  // Begins at the last `tail_lines`, or with the oldest file. Errors: kNotFound without any file.
  Status Open(std::optional<int64_t> tail_lines, bool follow);
  struct Piece {
    size_t size = 0;           // 0: the end of what is there
    bool begins_file = false;  // first of its file: entries do not go on from one to the next
  };
  // Errors: kInternalError; kServiceUnavailable when files come faster than they can be opened.
  Result<Piece> Read(std::span<char> buffer);

 private:
  struct Entry {
    std::string path;
    struct stat info{};
  };
  Result<std::vector<Entry>> List() const;
  // Opens what follows the open file. False when there is nothing yet.
  Result<bool> OpenNext();
  bool IsWritten() const;

  std::string path_;
  bool follow_ = false;
  struct stat last_{};  // without `follow`: where the text ends
  linux::Fd file_;
  off_t offset_ = 0;
  bool begins_ = true;
};

}  // namespace wherry::nodeagent::streaming
