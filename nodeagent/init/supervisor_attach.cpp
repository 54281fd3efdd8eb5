#include "lib/linux/fd.h"
#include "nodeagent/init/supervisor.h"
#include "nodeagent/init/supervisor_state.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

// What the agent's streams need of a pod: copies of a container's output, its input, and sockets of
// the pod's network.
namespace wherry::nodeagent::init {
namespace {

using linux::Fd;
using Stream = LogWriter::Stream;

constexpr size_t kTapsMax = 64;  // of one container

// Writes what the pipe takes now; false when its reader has gone.
bool Flush(Tap& tap) {
  while (!tap.pending.empty()) {
    const ssize_t n = ::write(tap.pipe.get(), tap.pending.data(), tap.pending.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno == EAGAIN;
    tap.pending.erase(0, static_cast<size_t>(n));
  }
  return true;
}

}  // namespace

void Supervisor::StartAttach(const Attach& message) {
  Attached answer{.sequence = message.sequence};
  std::vector<Fd> fds;
  auto running = std::ranges::find_if(containers_, [&](const auto& c) {
    return c->spec.name == message.container && c->alive && !c->starting;
  });
  auto streams = [&]() -> Status {
    if (running == containers_.end()) {
      return MakeError(Reason::kNotFound, "container '" + message.container + "' is not running");
    }
    Container& container = **running;
    answer.attempt = container.spec.attempt;
    answer.tty = container.spec.tty;
    answer.stdin_once = container.spec.stdin_once;
    const Fd& input = container.spec.tty ? container.output : container.input;
    answer.has_input = input.valid() && (container.spec.stdin_open || container.spec.tty);
    if (answer.has_input) {
      TRY(Fd copy, input.Duplicate());
      fds.push_back(std::move(copy));
    }
    TRY(Fd output, AddTap(container, Stream::kStdout));
    fds.push_back(std::move(output));
    if (container.spec.tty) return Ok();
    TRY(Fd errors, AddTap(container, Stream::kStderr));
    fds.push_back(std::move(errors));
    return Ok();
  }();
  if (!streams.ok()) {
    answer.error = streams.error().message;
    fds.clear();
  }
  SendBody(Encode(MessageType::kAttached, answer), std::move(fds));
}

Result<Fd> Supervisor::AddTap(Container& container, Stream stream) {
  if (container.taps.size() >= kTapsMax) {
    return MakeError(Reason::kTooManyRequests, "too many clients are attached");
  }
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return ErrnoError(errno, "make a pipe");
  Fd read(ends[0]);
  auto tap = std::make_unique<Tap>();
  tap->stream = stream;
  tap->pipe = Fd(ends[1]);
  // A stream that has ended already is an empty one.
  if (!container.OutputOf(stream).valid()) return read;
  const int pipe = tap->pipe.get();
  // No events: that the reader has gone is told in any case.
  poller_.Watch(pipe, 0, [this, &container, pipe](uint32_t) { OnTap(container, pipe); });
  container.taps.push_back(std::move(tap));
  return read;
}

bool Supervisor::FeedTaps(Container& container, Stream stream, std::string_view bytes) {
  bool all_taken = true;
  for (const auto& tap : container.taps) {
    if (tap->stream != stream || tap->ended) continue;
    tap->pending += bytes;
    // A reader that has gone is noticed by the poller.
    if (!Flush(*tap)) tap->pending.clear();
    if (tap->pending.empty()) continue;
    all_taken = false;
    const int pipe = tap->pipe.get();
    poller_.Watch(pipe, EPOLLOUT, [this, &container, pipe](uint32_t) { OnTap(container, pipe); });
  }
  return all_taken;
}

void Supervisor::OnTap(Container& container, int pipe) {
  auto found = std::ranges::find_if(container.taps,
                                    [&](const auto& tap) { return tap->pipe.get() == pipe; });
  if (found == container.taps.end()) return;
  Tap& tap = **found;
  const Stream stream = tap.stream;
  const bool waited = !tap.pending.empty();
  const bool alive = waited && Flush(tap);
  if (alive && !tap.pending.empty()) return;
  if (alive && !tap.ended) {
    poller_.Watch(pipe, 0, [this, &container, pipe](uint32_t) { OnTap(container, pipe); });
  } else {
    poller_.Forget(pipe);
    container.taps.erase(found);
  }
  const bool others_wait = std::ranges::any_of(container.taps, [&](const auto& other) {
    return other->stream == stream && !other->ended && !other->pending.empty();
  });
  if (waited && !others_wait) WatchOutput(container, stream);
}

void Supervisor::EndTaps(Container& container, Stream stream) {
  std::erase_if(container.taps, [&](const auto& tap) {
    if (tap->stream != stream) return false;
    tap->ended = true;
    if (!tap->pending.empty()) return false;
    poller_.Forget(tap->pipe.get());
    return true;
  });
}

void Supervisor::ForgetTaps(Container& container) {
  for (const auto& tap : container.taps) poller_.Forget(tap->pipe.get());
  container.taps.clear();
}

void Supervisor::CloseInputOf(const CloseInput& message) {
  if (Container* container = Find(message.container, message.attempt)) container->input.Close();
}

void Supervisor::OpenSocketFor(const OpenSocket& message) {
  Done answer{.sequence = message.sequence};
  std::vector<Fd> fds;
  const int family = message.ipv6 ? AF_INET6 : AF_INET;
  Fd socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (socket.valid()) {
    fds.push_back(std::move(socket));
  } else {
    answer.error = ErrnoError(errno, "open a socket").message;
  }
  SendBody(Encode(MessageType::kDone, answer), std::move(fds));
}

}  // namespace wherry::nodeagent::init
