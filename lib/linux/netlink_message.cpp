#include "lib/linux/netlink_message.h"

#include <netlink/attr.h>
#include <netlink/msg.h>
#include <sys/socket.h>

#include <cerrno>

namespace wherry::linux {

void FreeNetlinkMessage::operator()(nl_msg* message) const { nlmsg_free(message); }

NetlinkMessage NetlinkRequest(int type, int flags, const void* header, size_t bytes) {
  NetlinkMessage message(nlmsg_alloc_simple(type, NLM_F_REQUEST | flags));
  CHECK(message != nullptr);
  Append(message.get(), header, bytes);
  return message;
}

void Put(nl_msg* message, int type, uint8_t value) { CHECK(nla_put_u8(message, type, value) == 0); }
void Put(nl_msg* message, int type, uint16_t value) {
  CHECK(nla_put_u16(message, type, value) == 0);
}
void Put(nl_msg* message, int type, uint32_t value) {
  CHECK(nla_put_u32(message, type, value) == 0);
}
void Put(nl_msg* message, int type, const std::string& value) {
  CHECK(nla_put_string(message, type, value.c_str()) == 0);
}
void Put(nl_msg* message, int type, const void* data, size_t bytes) {
  CHECK(nla_put(message, type, static_cast<int>(bytes), data) == 0);
}
void Append(nl_msg* message, const void* data, size_t bytes) {
  CHECK(nlmsg_append(message, const_cast<void*>(data), bytes, NLMSG_ALIGNTO) == 0);
}

Nest::Nest(nl_msg* message, int type)
    : message_(message), start_(nla_nest_start(message, type | NLA_F_NESTED)) {
  CHECK(start_ != nullptr);
}
Nest::~Nest() { nla_nest_end(message_, start_); }

Result<NetlinkSocket> NetlinkSocket::Open(int protocol) {
  Fd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
  if (!fd.valid()) return ErrnoError(errno, "open a netlink socket");
  return NetlinkSocket(std::move(fd));
}

Status NetlinkSocket::Exchange(nl_msg* request, const std::string& what,
                               const std::function<void(nlmsghdr*)>& each) {
  nlmsghdr* header = nlmsg_hdr(request);
  header->nlmsg_seq = ++sequence_;
  // Marks the end of what is no dump; a dump that has begun sends no acknowledgement.
  header->nlmsg_flags |= NLM_F_ACK;
  if (::send(fd_.get(), header, header->nlmsg_len, 0) < 0) return ErrnoError(errno, what);
  return ReadAnswers(what, each);
}

Status NetlinkSocket::ReadAnswers(const std::string& what,
                                  const std::function<void(nlmsghdr*)>& each) {
  alignas(nlmsghdr) static thread_local char buffer[65536];
  for (;;) {
    const ssize_t size = ::recv(fd_.get(), buffer, sizeof buffer, 0);
    if (size < 0) {
      if (errno == EINTR) continue;
      return ErrnoError(errno, what);
    }
    int left = static_cast<int>(size);
    for (auto* header = reinterpret_cast<nlmsghdr*>(buffer); nlmsg_ok(header, left) != 0;
         header = nlmsg_next(header, &left)) {
      if (header->nlmsg_seq != sequence_) continue;
      if (header->nlmsg_type == NLMSG_DONE) return Ok();
      if (header->nlmsg_type == NLMSG_ERROR) {
        const int error = -static_cast<nlmsgerr*>(nlmsg_data(header))->error;
        if (error == 0) return Ok();
        return ErrnoError(error, what);
      }
      each(header);
    }
  }
}

}  // namespace wherry::linux
