#pragma once

#include "lib/base/result.h"

#include <utility>

namespace wherry::linux {

// Owns a file descriptor and closes it. -1 is none.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      Close();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  ~Fd() { Close(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  [[nodiscard]] int Release() { return std::exchange(fd_, -1); }
  void Close();
  // A second descriptor of the same open file, close-on-exec.
  Result<Fd> Duplicate() const;

 private:
  int fd_ = -1;
};

}  // namespace wherry::linux
