#include "nodeagent/runtime/native/exec_output.h"

#include "lib/linux/file.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace wherry::nodeagent::runtime::native {
namespace {

constexpr size_t kKeptBytesMax = 64 * 1024;

}  // namespace

Result<ExecStreams> OpenExecStreams() {
  int pipe[2];
  if (::pipe2(pipe, O_CLOEXEC) != 0) return ErrnoError(errno, "make a pipe");
  ExecStreams streams;
  streams.output = linux::Fd(pipe[0]);
  linux::Fd out(pipe[1]);
  if (::fcntl(pipe[0], F_SETFL, O_NONBLOCK) != 0) return ErrnoError(errno, "fcntl");
  TRY(linux::Fd in, linux::OpenAt(AT_FDCWD, "/dev/null", O_RDONLY));
  TRY(linux::Fd err, out.Duplicate());
  streams.fds.push_back(std::move(in));
  streams.fds.push_back(std::move(out));
  streams.fds.push_back(std::move(err));
  return streams;
}

ExecOutput::ExecOutput(Loop& loop, linux::Fd output) : loop_(loop), output_(std::move(output)) {
  Watch();
}

ExecOutput::~ExecOutput() {
  if (watch_ != 0) loop_.UnwatchFd(watch_);
}

void ExecOutput::Watch() {
  watch_ = loop_.WatchFd(output_.get(), Loop::FdEvent::kReadable, [this] {
    watch_ = 0;
    ReadSome();
    if (!ended_) Watch();
  });
}

bool ExecOutput::ReadSome() {
  std::array<char, 16384> buffer;
  ssize_t n = ::read(output_.get(), buffer.data(), buffer.size());
  if (n < 0 && errno == EINTR) return true;
  if (n <= 0) {
    ended_ = n == 0 || errno != EAGAIN;
    return false;
  }
  size_t room = kKeptBytesMax - std::min(kKeptBytesMax, text_.size());
  text_.append(buffer.data(), std::min(room, static_cast<size_t>(n)));
  return true;
}

std::string ExecOutput::TakeAll() {
  // At most a pipe's content: whoever keeps writing is not waited for.
  for (int reads = 0; reads < 64 && !ended_ && ReadSome(); ++reads) {
  }
  return std::move(text_);
}

}  // namespace wherry::nodeagent::runtime::native
