#pragma once

#include "lib/base/result.h"
#include "lib/linux/fd.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace wherry::nodeagent::init {

// Writes one container's log: "2016-10-06T00:17:09.669794202Z stdout F message\n" per line, in
// pieces of 16 KiB marked P until the line's end. Source: cri-api and containerd's cri logger.
//
// When the file has reached `bytes_max` it is renamed to "<name>.YYYYMMDD-hhmmss" and a new one is
// begun; of the renamed ones the newest `files_max` - 1 are kept. What cannot be written (disk
// full) is dropped: the container must not block on its log.
class LogWriter {
 public:
  enum class Stream { kStdout, kStderr };

  LogWriter() = default;
  // `directory` holds or will hold `name`.
  static Result<LogWriter> Open(linux::Fd directory, std::string name, int64_t bytes_max,
                                int files_max);

  // Takes raw output; the last, unfinished line is kept until its end or Finish.
  void Write(Stream stream, std::string_view bytes);
  // The stream has ended: writes what is left.
  void Finish(Stream stream);

 private:
  void WriteEntry(Stream stream, std::string_view text, bool complete);
  // Sends the collected entries with one write(2), then rotates if it is time.
  void Flush();
  void Rotate();
  // Gives the full file its rotated name; false when it keeps its own.
  bool MoveAside();
  Status OpenFile();

  linux::Fd directory_;
  linux::Fd file_;
  std::string name_;
  std::string batch_;
  std::string partial_[2];
  int64_t size_ = 0;
  int64_t bytes_max_ = 0;
  int files_max_ = 0;
};

}  // namespace wherry::nodeagent::init
