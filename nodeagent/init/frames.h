#pragma once

#include "lib/base/result.h"
#include "lib/linux/fd.h"

#include <deque>
#include <optional>
#include <string>
#include <vector>

// Messages with descriptors over a stream socket: body length, number of descriptors (4 bytes each,
// little endian), body. The descriptors travel with the first byte.
namespace wherry::nodeagent::init {

struct Frame {
  std::string body;
  std::vector<linux::Fd> fds;
};

inline constexpr size_t kFrameBytesMax = 8 * 1024 * 1024;

class FrameReader {
 public:
  // Reads once from `socket`. False at the end of the stream. kTimeout: nothing there now.
  // Errors: kBadRequest for a frame above the limits; the connection is then useless.
  Result<bool> ReadSome(int socket);
  std::optional<Frame> Next();

 private:
  std::string bytes_;
  std::deque<linux::Fd> fds_;
};

class FrameWriter {
 public:
  // Takes the descriptors; they are closed once sent.
  void Push(std::string body, std::vector<linux::Fd> fds);
  // Sends what the socket takes. True when nothing is left.
  Result<bool> Flush(int socket);
  bool empty() const { return queue_.empty(); }

 private:
  struct Pending {
    std::string bytes;
    size_t sent = 0;
    std::vector<linux::Fd> fds;
  };
  std::deque<Pending> queue_;
};

}  // namespace wherry::nodeagent::init
