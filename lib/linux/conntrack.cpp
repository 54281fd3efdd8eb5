#include "lib/linux/conntrack.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>

namespace wherry::linux {
namespace {

struct FreeMessage {
  void operator()(nl_msg* message) const { nlmsg_free(message); }
};
using Message = std::unique_ptr<nl_msg, FreeMessage>;

Message Request(int type, int flags) {
  Message message(nlmsg_alloc_simple((NFNL_SUBSYS_CTNETLINK << 8) | type, NLM_F_REQUEST | flags));
  CHECK(message != nullptr);
  const nfgenmsg header{.nfgen_family = AF_INET, .version = NFNETLINK_V0, .res_id = 0};
  CHECK(nlmsg_append(message.get(), const_cast<nfgenmsg*>(&header), sizeof header, NLMSG_ALIGNTO) ==
        0);
  return message;
}

Status SendRequest(int fd, nl_msg* message, uint32_t sequence) {
  nlmsghdr* header = nlmsg_hdr(message);
  header->nlmsg_seq = sequence;
  if (::send(fd, header, header->nlmsg_len, 0) < 0) return ErrnoError(errno, "send to conntrack");
  return Ok();
}

// Reads answers to `sequence` until the last; `each` gets every message that carries an entry.
Status ReadAnswers(int fd, uint32_t sequence, const std::function<void(nlmsghdr*)>& each) {
  alignas(nlmsghdr) static thread_local char buffer[65536];
  for (;;) {
    const ssize_t size = ::recv(fd, buffer, sizeof buffer, 0);
    if (size < 0) {
      if (errno == EINTR) continue;
      return ErrnoError(errno, "read from conntrack");
    }
    int left = static_cast<int>(size);
    for (auto* header = reinterpret_cast<nlmsghdr*>(buffer); nlmsg_ok(header, left) != 0;
         header = nlmsg_next(header, &left)) {
      if (header->nlmsg_seq != sequence) continue;
      if (header->nlmsg_type == NLMSG_DONE) return Ok();
      if (header->nlmsg_type == NLMSG_ERROR) {
        const int error = -static_cast<nlmsgerr*>(nlmsg_data(header))->error;
        if (error == 0) return Ok();
        return ErrnoError(error, "conntrack");
      }
      each(header);
    }
  }
}

// One direction of an entry.
struct Tuple {
  Ipv4 source;
  Ipv4 destination;
  uint8_t protocol = 0;
  uint16_t source_port = 0;
  uint16_t destination_port = 0;
};

template <int kMax>
struct Attributes {
  nlattr* at[kMax + 1] = {};
  explicit Attributes(nlattr* nest) {
    if (nest != nullptr) Ignore(nla_parse_nested(at, kMax, nest, nullptr), "then all are absent");
  }
};

std::optional<Ipv4> AddressIn(nlattr* attribute) {
  Ipv4 ip;
  if (attribute == nullptr || nla_len(attribute) != static_cast<int>(ip.bytes.size())) return {};
  std::memcpy(ip.bytes.data(), nla_data(attribute), ip.bytes.size());
  return ip;
}

uint16_t PortIn(nlattr* attribute) {
  return attribute == nullptr || nla_len(attribute) < 2 ? uint16_t{0}
                                                        : ntohs(nla_get_u16(attribute));
}

std::optional<Tuple> ParseTuple(nlattr* nest) {
  const Attributes<CTA_TUPLE_MAX> tuple(nest);
  const Attributes<CTA_IP_MAX> ip(tuple.at[CTA_TUPLE_IP]);
  const Attributes<CTA_PROTO_MAX> proto(tuple.at[CTA_TUPLE_PROTO]);
  const auto source = AddressIn(ip.at[CTA_IP_V4_SRC]);
  const auto destination = AddressIn(ip.at[CTA_IP_V4_DST]);
  if (!source || !destination || proto.at[CTA_PROTO_NUM] == nullptr) return {};
  return Tuple{.source = *source,
               .destination = *destination,
               .protocol = nla_get_u8(proto.at[CTA_PROTO_NUM]),
               .source_port = PortIn(proto.at[CTA_PROTO_SRC_PORT]),
               .destination_port = PortIn(proto.at[CTA_PROTO_DST_PORT])};
}

std::optional<UdpFlow> ParseUdpFlow(nlmsghdr* header) {
  nlattr* attributes[CTA_MAX + 1] = {};
  if (nlmsg_parse(header, sizeof(nfgenmsg), attributes, CTA_MAX, nullptr) < 0) return {};
  const auto sent = ParseTuple(attributes[CTA_TUPLE_ORIG]);
  const auto answer = ParseTuple(attributes[CTA_TUPLE_REPLY]);
  if (!sent || !answer || sent->protocol != IPPROTO_UDP) return {};
  return UdpFlow{.source = sent->source,
                 .source_port = sent->source_port,
                 .destination = sent->destination,
                 .destination_port = sent->destination_port,
                 .answers_from = answer->source,
                 .answers_from_port = answer->source_port,
                 .zone = PortIn(attributes[CTA_ZONE])};
}

class Nest {
 public:
  Nest(nl_msg* message, int type)
      : message_(message), start_(nla_nest_start(message, type | NLA_F_NESTED)) {
    CHECK(start_ != nullptr);
  }
  ~Nest() { nla_nest_end(message_, start_); }
  Nest(const Nest&) = delete;
  Nest& operator=(const Nest&) = delete;

 private:
  nl_msg* message_;
  nlattr* start_;
};

}  // namespace

Result<ConntrackSocket> ConntrackSocket::Open() {
  Fd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER));
  if (!fd.valid()) return ErrnoError(errno, "socket(NETLINK_NETFILTER)");
  return ConntrackSocket(std::move(fd));
}

Result<std::vector<UdpFlow>> ConntrackSocket::UdpFlows() {
  const Message message = Request(IPCTNL_MSG_CT_GET, NLM_F_DUMP);
  const uint32_t sequence = ++sequence_;
  TRY_STATUS(SendRequest(fd_.get(), message.get(), sequence));
  std::vector<UdpFlow> flows;
  TRY_STATUS(ReadAnswers(fd_.get(), sequence, [&flows](nlmsghdr* header) {
    if (auto flow = ParseUdpFlow(header)) flows.push_back(*flow);
  }));
  return flows;
}

Status ConntrackSocket::Delete(const UdpFlow& flow) {
  const Message message = Request(IPCTNL_MSG_CT_DELETE, NLM_F_ACK);
  nl_msg* raw = message.get();
  {
    const Nest tuple(raw, CTA_TUPLE_ORIG);
    {
      const Nest ip(raw, CTA_TUPLE_IP);
      CHECK(nla_put(raw, CTA_IP_V4_SRC, 4, flow.source.bytes.data()) == 0);
      CHECK(nla_put(raw, CTA_IP_V4_DST, 4, flow.destination.bytes.data()) == 0);
    }
    const Nest proto(raw, CTA_TUPLE_PROTO);
    CHECK(nla_put_u8(raw, CTA_PROTO_NUM, IPPROTO_UDP) == 0);
    CHECK(nla_put_u16(raw, CTA_PROTO_SRC_PORT, htons(flow.source_port)) == 0);
    CHECK(nla_put_u16(raw, CTA_PROTO_DST_PORT, htons(flow.destination_port)) == 0);
  }
  if (flow.zone != 0) CHECK(nla_put_u16(raw, CTA_ZONE, htons(flow.zone)) == 0);
  const uint32_t sequence = ++sequence_;
  TRY_STATUS(SendRequest(fd_.get(), raw, sequence));
  Status deleted = ReadAnswers(fd_.get(), sequence, [](nlmsghdr*) {});
  if (!deleted.ok() && deleted.error().os_errno == ENOENT) return Ok();
  return deleted;
}

}  // namespace wherry::linux
