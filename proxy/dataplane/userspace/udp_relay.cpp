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
#include <map>
#include <string>

namespace wherry::proxy::dataplane {
namespace {

using linux::Fd;
using namespace std::chrono_literals;

constexpr std::chrono::seconds kSilenceMax = 60s;
constexpr size_t kDatagramBytesMax = 65536;
constexpr size_t kClientsMax = 4096;

// A client with the socket its datagrams leave by.
struct Flow {
  Flow(Fd opened, services::Backend chosen)
      : socket(std::move(opened)), backend(std::move(chosen)) {}
  Fd socket;
  services::Backend backend;
  MonotonicTime last_use{};
};
using FlowKey = std::pair<uint32_t, uint16_t>;
using Flows = std::map<FlowKey, std::shared_ptr<Flow>>;

// Brings a backend's answers to the client; ends when the flow has been silent, or its socket
// broke.
Task<void> CarryAnswers(Loop& loop, int frontend, sockaddr_in client, std::shared_ptr<Flow> flow,
                        std::shared_ptr<Flows> flows, FlowKey key) {
  std::string buffer(kDatagramBytesMax, '\0');
  while (true) {
    const ssize_t size = ::recv(flow->socket.get(), buffer.data(), buffer.size(), 0);
    if (size >= 0) {
      flow->last_use = loop.MonotonicNow();
      Ignore(::sendto(frontend, buffer.data(), static_cast<size_t>(size), MSG_NOSIGNAL,
                      reinterpret_cast<const sockaddr*>(&client), sizeof client),
             "a datagram may be lost");
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
  while (true) {
    sockaddr_in client{};
    socklen_t client_size = sizeof client;
    const ssize_t size = ::recvfrom(socket.get(), buffer.data(), buffer.size(), 0,
                                    reinterpret_cast<sockaddr*>(&client), &client_size);
    if (size < 0) {
      co_await FdReady(world.loop, socket.get(), Loop::FdEvent::kReadable);
      continue;
    }
    const FlowKey key{client.sin_addr.s_addr, client.sin_port};
    auto known = flows->find(key);
    const auto& backends = balancer->rule().backends;
    const bool usable =
        known != flows->end() &&
        std::find(backends.begin(), backends.end(), known->second->backend) != backends.end();
    if (!usable) {
      if (known != flows->end()) flows->erase(known);
      if (flows->size() >= kClientsMax) continue;
      char ip[INET_ADDRSTRLEN] = "";
      ::inet_ntop(AF_INET, &client.sin_addr, ip, sizeof ip);
      const services::Backend* backend = balancer->Choose(ip, world.loop.MonotonicNow());
      if (backend == nullptr) continue;
      auto opened = OpenBackend(*backend, services::Protocol::kUdp);
      if (!opened.ok()) continue;
      known = flows->emplace(key, std::make_shared<Flow>(std::move(*opened), *backend)).first;
      answers.Spawn("udp answers",
                    CarryAnswers(world.loop, socket.get(), client, known->second, flows, key));
    }
    known->second->last_use = world.loop.MonotonicNow();
    Ignore(
        ::send(known->second->socket.get(), buffer.data(), static_cast<size_t>(size), MSG_NOSIGNAL),
        "a datagram may be lost");
  }
}

}  // namespace wherry::proxy::dataplane
