#include "nodeagent/init/frames.h"

#include "lib/linux/socket.h"

#include <cstdint>

namespace wherry::nodeagent::init {
namespace {

constexpr size_t kHeaderBytes = 8;

void PutLength(std::string& out, size_t value) {
  for (int i = 0; i < 4; ++i) out += static_cast<char>(value >> (8 * i) & 0xff);
}

size_t GetLength(std::string_view bytes) {
  size_t value = 0;
  for (size_t i = 4; i-- > 0;) value = value << 8 | static_cast<uint8_t>(bytes[i]);
  return value;
}

}  // namespace

Result<bool> FrameReader::ReadSome(int socket) {
  std::vector<linux::Fd> fds;
  TRY(bool open, linux::ReceiveWithFds(socket, 65536, bytes_, fds));
  for (linux::Fd& fd : fds) fds_.push_back(std::move(fd));
  if (bytes_.size() >= kHeaderBytes &&
      (GetLength(bytes_) > kFrameBytesMax ||
       GetLength(std::string_view(bytes_).substr(4)) > linux::kFdsPerMessageMax)) {
    return MakeError(Reason::kBadRequest, "frame above the limits");
  }
  return open;
}

std::optional<Frame> FrameReader::Next() {
  if (bytes_.size() < kHeaderBytes) return std::nullopt;
  size_t size = GetLength(bytes_);
  size_t fd_count = GetLength(std::string_view(bytes_).substr(4));
  if (bytes_.size() < kHeaderBytes + size || fds_.size() < fd_count) return std::nullopt;
  Frame frame;
  frame.body = bytes_.substr(kHeaderBytes, size);
  bytes_.erase(0, kHeaderBytes + size);
  for (size_t i = 0; i < fd_count; ++i) {
    frame.fds.push_back(std::move(fds_.front()));
    fds_.pop_front();
  }
  return frame;
}

void FrameWriter::Push(std::string body, std::vector<linux::Fd> fds) {
  Pending pending;
  PutLength(pending.bytes, body.size());
  PutLength(pending.bytes, fds.size());
  pending.bytes += body;
  pending.fds = std::move(fds);
  queue_.push_back(std::move(pending));
}

Result<bool> FrameWriter::Flush(int socket) {
  while (!queue_.empty()) {
    Pending& pending = queue_.front();
    std::vector<int> fds;
    if (pending.sent == 0) {
      for (const linux::Fd& fd : pending.fds) fds.push_back(fd.get());
    }
    TRY(size_t sent,
        linux::SendWithFds(socket, std::string_view(pending.bytes).substr(pending.sent), fds));
    if (sent == 0) return false;
    pending.sent += sent;
    pending.fds.clear();
    if (pending.sent == pending.bytes.size()) queue_.pop_front();
  }
  return true;
}

}  // namespace wherry::nodeagent::init
