#include "lib/loop/sync.h"
#include "lib/loop/task_scope.h"
#include "proxy/dataplane/userspace/relay.h"
#include "proxy/dataplane/userspace/sockets.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <tuple>

namespace wherry::proxy::dataplane {
namespace {

using linux::Fd;
using namespace std::chrono_literals;

constexpr std::chrono::seconds kSilenceMax = 60s;
constexpr size_t kDatagramBytesMax = 65536;
constexpr size_t kClientsMax = 4096;
// So many are moved before others have their turn on the loop.
constexpr int kDatagramsPerTurn = 64;

// Who sent a datagram, and to which of our addresses: a socket for a node port has them all, and
// only an answer from the same one is taken.
struct Peer {
  sockaddr_in client{};
  in_addr asked{};
};

// A client with the socket its datagrams leave by.
struct Flow {
  Flow(Fd opened, services::Backend chosen, Peer from)
      : socket(std::move(opened)), backend(std::move(chosen)), peer(from) {}
  Fd socket;
  services::Backend backend;
  Peer peer;
  MonotonicTime last_use{};
};
using FlowKey = std::tuple<uint32_t, uint16_t, uint32_t>;
using Flows = std::map<FlowKey, std::shared_ptr<Flow>>;

union PacketInfo {  // room for one IP_PKTINFO, aligned as cmsg(3) wants it
  char bytes[CMSG_SPACE(sizeof(in_pktinfo))];
  cmsghdr align;
};

// As recvfrom(2).
ssize_t Receive(int frontend, std::string& buffer, Peer& peer) {
  PacketInfo control{};
  iovec part{.iov_base = buffer.data(), .iov_len = buffer.size()};
  msghdr message{};
  message.msg_name = &peer.client;
  message.msg_namelen = sizeof peer.client;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes;
  message.msg_controllen = sizeof control.bytes;
  const ssize_t size = ::recvmsg(frontend, &message, 0);
  if (size < 0) return size;
  for (cmsghdr* each = CMSG_FIRSTHDR(&message); each != nullptr;
       each = CMSG_NXTHDR(&message, each)) {
    if (each->cmsg_level != IPPROTO_IP || each->cmsg_type != IP_PKTINFO) continue;
    in_pktinfo info{};
    std::memcpy(&info, CMSG_DATA(each), sizeof info);
    peer.asked = info.ipi_addr;
  }
  return size;
}

void Answer(int frontend, const Peer& peer, std::string_view datagram) {
  PacketInfo control{};
  iovec part{.iov_base = const_cast<char*>(datagram.data()), .iov_len = datagram.size()};
  sockaddr_in client = peer.client;
  msghdr message{};
  message.msg_name = &client;
  message.msg_namelen = sizeof client;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes;
  message.msg_controllen = sizeof control.bytes;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = IPPROTO_IP;
  header->cmsg_type = IP_PKTINFO;
  header->cmsg_len = CMSG_LEN(sizeof(in_pktinfo));
  const in_pktinfo info{.ipi_ifindex = 0, .ipi_spec_dst = peer.asked, .ipi_addr = {}};
  std::memcpy(CMSG_DATA(header), &info, sizeof info);
  Ignore(::sendmsg(frontend, &message, MSG_NOSIGNAL), "a datagram may be lost");
}

// Brings a backend's answers to the client; ends when the flow has been silent, or its socket
// broke.
Task<void> CarryAnswers(Loop& loop, int frontend, std::shared_ptr<Flow> flow,
                        std::shared_ptr<Flows> flows, FlowKey key) {
  std::string buffer(kDatagramBytesMax, '\0');
  int in_this_turn = 0;
  while (true) {
    if (++in_this_turn > kDatagramsPerTurn) {
      in_this_turn = 0;
      co_await Yield(loop);
    }
    const ssize_t size = ::recv(flow->socket.get(), buffer.data(), buffer.size(), 0);
    if (size >= 0) {
      flow->last_use = loop.MonotonicNow();
      Answer(frontend, flow->peer, std::string_view(buffer.data(), static_cast<size_t>(size)));
      continue;
    }
    if (errno != EAGAIN) break;
    auto wait = [](Loop& a_loop, int fd) -> Task<Result<Unit>> {
      co_await FdReady(a_loop, fd, Loop::FdEvent::kReadable);
      co_return Unit{};
    };
    auto ready = co_await WithTimeout(loop, kSilenceMax, wait(loop, flow->socket.get()));
    if (!ready.ok() && loop.MonotonicNow() - flow->last_use >= kSilenceMax) break;
  }
  auto mine = flows->find(key);
  if (mine != flows->end() && mine->second == flow) flows->erase(mine);
}

}  // namespace

Task<void> ServeUdp(World& world, Fd socket, std::shared_ptr<Balancer> balancer) {
  auto flows = std::make_shared<Flows>();
  TaskScope answers(world.loop);
  std::string buffer(kDatagramBytesMax, '\0');
  int in_this_turn = 0;
  while (true) {
    if (++in_this_turn > kDatagramsPerTurn) {
      in_this_turn = 0;
      co_await Yield(world.loop);
    }
    Peer peer;
    const ssize_t size = Receive(socket.get(), buffer, peer);
    if (size < 0) {
      co_await FdReady(world.loop, socket.get(), Loop::FdEvent::kReadable);
      continue;
    }
    const sockaddr_in& client = peer.client;
    const FlowKey key{client.sin_addr.s_addr, client.sin_port, peer.asked.s_addr};
    char ip[INET_ADDRSTRLEN] = "";
    ::inet_ntop(AF_INET, &client.sin_addr, ip, sizeof ip);
    if (!balancer->rule().Admits(ip)) continue;
    auto known = flows->find(key);
    const auto& backends = balancer->BackendsFor(ip);
    const bool usable =
        known != flows->end() &&
        std::find(backends.begin(), backends.end(), known->second->backend) != backends.end();
    if (!usable) {
      if (known != flows->end()) flows->erase(known);
      if (flows->size() >= kClientsMax) continue;
      const services::Backend* backend = balancer->Choose(ip, world.loop.MonotonicNow());
      if (backend == nullptr) continue;
      auto opened = OpenBackend(*backend, services::Protocol::kUdp);
      if (!opened.ok()) continue;
      known = flows->emplace(key, std::make_shared<Flow>(std::move(*opened), *backend, peer)).first;
      answers.Spawn("udp answers",
                    CarryAnswers(world.loop, socket.get(), known->second, flows, key));
    }
    known->second->last_use = world.loop.MonotonicNow();
    Ignore(
        ::send(known->second->socket.get(), buffer.data(), static_cast<size_t>(size), MSG_NOSIGNAL),
        "a datagram may be lost");
  }
}

}  // namespace wherry::proxy::dataplane
