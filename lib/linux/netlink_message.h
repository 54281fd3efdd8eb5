#pragma once

#include "lib/base/result.h"
#include "lib/linux/fd.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

struct nl_msg;
struct nlattr;
struct nlmsghdr;

// What all talk with the kernel over netlink has in common. Source: netlink(7). For lib/linux
// alone: others use RouteSocket and its like.
namespace wherry::linux {

struct FreeNetlinkMessage {
  void operator()(nl_msg* message) const;
};
using NetlinkMessage = std::unique_ptr<nl_msg, FreeNetlinkMessage>;

// A request that begins with its family's header; attributes are put behind it.
NetlinkMessage NetlinkRequest(int type, int flags, const void* header, size_t bytes);
template <typename Header>
NetlinkMessage NetlinkRequest(int type, int flags, const Header& header) {
  return NetlinkRequest(type, flags, &header, sizeof header);
}

// A message holds a page. What is put into ours is a handful of names and numbers, so that these
// cannot fail.
void Put(nl_msg* message, int type, uint8_t value);
void Put(nl_msg* message, int type, uint16_t value);
void Put(nl_msg* message, int type, uint32_t value);
void Put(nl_msg* message, int type, const std::string& value);
void Put(nl_msg* message, int type, const void* data, size_t bytes);
// Without a type: the header that some attributes begin with.
void Append(nl_msg* message, const void* data, size_t bytes);

// The attribute that holds those put while it lives.
class Nest {
 public:
  Nest(nl_msg* message, int type);
  ~Nest();
  Nest(const Nest&) = delete;
  Nest& operator=(const Nest&) = delete;

 private:
  nl_msg* message_;
  nlattr* start_;
};

// One exchange at a time, blocking. It keeps acting on the network namespace it was opened in.
class NetlinkSocket {
 public:
  static Result<NetlinkSocket> Open(int protocol);

  // Sends the request and reads until its last answer; `each` gets those that carry data. The
  // error is the kernel's, with its errno; `what` says what was tried.
  Status Exchange(
      nl_msg* request, const std::string& what,
      const std::function<void(nlmsghdr*)>& each = [](nlmsghdr*) {});

 private:
  explicit NetlinkSocket(Fd fd) : fd_(std::move(fd)) {}
  Status ReadAnswers(const std::string& what, const std::function<void(nlmsghdr*)>& each);

  Fd fd_;
  uint32_t sequence_ = 0;
};

}  // namespace wherry::linux
