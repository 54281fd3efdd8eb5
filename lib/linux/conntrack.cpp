#include "lib/linux/conntrack.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <optional>

namespace wherry::linux {
namespace {

NetlinkMessage Request(int type, int flags) {
  const nfgenmsg header{.nfgen_family = AF_INET, .version = NFNETLINK_V0, .res_id = 0};
  return NetlinkRequest((NFNL_SUBSYS_CTNETLINK << 8) | type, flags, header);
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

}  // namespace

Result<ConntrackSocket> ConntrackSocket::Open() {
  TRY(NetlinkSocket socket, NetlinkSocket::Open(NETLINK_NETFILTER));
  return ConntrackSocket(std::move(socket));
}

Result<std::vector<UdpFlow>> ConntrackSocket::UdpFlows() {
  const NetlinkMessage message = Request(IPCTNL_MSG_CT_GET, NLM_F_DUMP);
  std::vector<UdpFlow> flows;
  TRY_STATUS(socket_.Exchange(message.get(), "read conntrack", [&flows](nlmsghdr* header) {
    if (auto flow = ParseUdpFlow(header)) flows.push_back(*flow);
  }));
  return flows;
}

Status ConntrackSocket::Delete(const UdpFlow& flow) {
  const NetlinkMessage message = Request(IPCTNL_MSG_CT_DELETE, 0);
  nl_msg* raw = message.get();
  {
    const Nest tuple(raw, CTA_TUPLE_ORIG);
    {
      const Nest ip(raw, CTA_TUPLE_IP);
      Put(raw, CTA_IP_V4_SRC, flow.source.bytes.data(), flow.source.bytes.size());
      Put(raw, CTA_IP_V4_DST, flow.destination.bytes.data(), flow.destination.bytes.size());
    }
    const Nest proto(raw, CTA_TUPLE_PROTO);
    Put(raw, CTA_PROTO_NUM, uint8_t{IPPROTO_UDP});
    Put(raw, CTA_PROTO_SRC_PORT, htons(flow.source_port));
    Put(raw, CTA_PROTO_DST_PORT, htons(flow.destination_port));
  }
  if (flow.zone != 0) Put(raw, CTA_ZONE, htons(flow.zone));
  Status deleted = socket_.Exchange(raw, "delete from conntrack");
  if (!deleted.ok() && deleted.error().os_errno == ENOENT) return Ok();
  return deleted;
}

}  // namespace wherry::linux
