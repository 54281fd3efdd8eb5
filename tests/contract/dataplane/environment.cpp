#include "tests/contract/dataplane/environment.h"

#include "lib/linux/netlink.h"
#include "lib/loop/task_scope.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <fstream>
#include <mutex>

namespace wherry::proxy::dataplane {
namespace {

using linux::Fd;
using services::Protocol;

constexpr const char* kBridge = "wbr0";
constexpr const char* kGateway = "10.60.0.1";

sockaddr_in Address(const std::string& ip, uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  ::inet_pton(AF_INET, ip.c_str(), &address.sin_addr);
  return address;
}

int TypeOf(Protocol protocol) { return protocol == Protocol::kTcp ? SOCK_STREAM : SOCK_DGRAM; }

Fd BindTo(const std::string& ip, uint16_t port, Protocol protocol) {
  Fd socket(::socket(AF_INET, TypeOf(protocol) | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const sockaddr_in address = Address(ip, port);
  CHECK(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  return socket;
}

Task<void> Deliver(std::function<Task<Status>()> make, std::promise<Status>* done) {
  auto status = co_await make();
  done->set_value(std::move(status));
}

}  // namespace

struct NetworkThread::Inbox {
  std::mutex mutex;
  std::condition_variable changed;
  std::function<void()> job;
  bool stop = false;
};

NetworkThread::NetworkThread() : inbox_(std::make_unique<Inbox>()) {
  thread_ = std::thread([this] { Serve(); });
  Run([] {});
}

NetworkThread::~NetworkThread() {
  {
    const std::lock_guard lock(inbox_->mutex);
    inbox_->stop = true;
  }
  inbox_->changed.notify_all();
  thread_.join();
}

void NetworkThread::Run(std::function<void()> function) {
  std::promise<void> done;
  {
    const std::lock_guard lock(inbox_->mutex);
    inbox_->job = [&] {
      function();
      done.set_value();
    };
  }
  inbox_->changed.notify_all();
  done.get_future().wait();
}

void NetworkThread::Serve() {
  CHECK(::unshare(CLONE_NEWNET) == 0);
  tid_ = ::gettid();
  std::unique_lock lock(inbox_->mutex);
  while (true) {
    inbox_->changed.wait(lock, [this] { return inbox_->stop || inbox_->job; });
    if (!inbox_->job) return;
    const std::function<void()> job = std::exchange(inbox_->job, nullptr);
    lock.unlock();
    job();
    lock.lock();
  }
}

Backend::Backend(std::string ip, Protocol protocol, NetworkThread* pod)
    : name_(ip), protocol_(protocol) {
  auto open = [this, &ip] { socket_ = BindTo(ip, 8080, protocol_); };
  if (pod != nullptr) {
    pod->Run(open);
  } else {
    open();
  }
  if (protocol == Protocol::kTcp) CHECK(::listen(socket_.get(), 64) == 0);
  thread_ = std::thread([this] { Serve(); });
}

Backend::~Backend() {
  stop_ = true;
  thread_.join();
}

std::string Backend::last_client() const {
  char text[INET_ADDRSTRLEN] = "";
  const in_addr address{.s_addr = last_client_};
  ::inet_ntop(AF_INET, &address, text, sizeof text);
  return text;
}

void Backend::Serve() {
  while (!stop_) {
    pollfd ready{socket_.get(), POLLIN, 0};
    if (::poll(&ready, 1, 50) <= 0) continue;
    sockaddr_in peer{};
    socklen_t size = sizeof peer;
    if (protocol_ == Protocol::kTcp) {
      const Fd client(
          ::accept4(socket_.get(), reinterpret_cast<sockaddr*>(&peer), &size, SOCK_CLOEXEC));
      last_client_ = peer.sin_addr.s_addr;
      Ignore(::send(client.get(), name_.data(), name_.size(), MSG_NOSIGNAL),
             "the client may have gone");
    } else {
      char buffer[64];
      ::recvfrom(socket_.get(), buffer, sizeof buffer, 0, reinterpret_cast<sockaddr*>(&peer),
                 &size);
      last_client_ = peer.sin_addr.s_addr;
      ::sendto(socket_.get(), name_.data(), name_.size(), 0, reinterpret_cast<sockaddr*>(&peer),
               size);
    }
  }
}

Client::Client(Protocol protocol, uint16_t port) : protocol_(protocol) {
  socket_ = port == 0 ? Fd(::socket(AF_INET, TypeOf(protocol) | SOCK_CLOEXEC, 0))
                      : BindTo("0.0.0.0", port, protocol);
  const timeval second{.tv_sec = 1, .tv_usec = 0};
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &second, sizeof second);
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &second, sizeof second);
}

std::string Client::Ask(const std::string& ip, uint16_t port) {
  const sockaddr_in address = Address(ip, port);
  if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return errno == EINPROGRESS || errno == ETIMEDOUT ? "silent" : "refused";
  }
  if (protocol_ == Protocol::kUdp && ::send(socket_.get(), "?", 1, MSG_NOSIGNAL) < 0)
    return "refused";
  char buffer[64];
  const ssize_t size = ::recv(socket_.get(), buffer, sizeof buffer, 0);
  if (size < 0) return errno == EAGAIN ? "silent" : "refused";
  return size == 0 ? "refused" : std::string(buffer, static_cast<size_t>(size));
}

std::string Ask(const std::string& ip, uint16_t port, Protocol protocol) {
  Client client(protocol, 0);
  return client.Ask(ip, port);
}

PatientBackend::PatientBackend() : listener_(BindTo("10.50.0.1", 8080, Protocol::kTcp)) {
  CHECK(::listen(listener_.get(), 64) == 0);
}

PatientBackend::Connection PatientBackend::Connect(const std::string& ip, uint16_t port) {
  Connection made{.client = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))};
  const timeval second{.tv_sec = 1, .tv_usec = 0};
  for (const int option : {SO_RCVTIMEO, SO_SNDTIMEO}) {
    ::setsockopt(made.client.get(), SOL_SOCKET, option, &second, sizeof second);
  }
  const sockaddr_in address = Address(ip, port);
  if (::connect(made.client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) !=
      0) {
    return made;
  }
  pollfd ready{listener_.get(), POLLIN, 0};
  if (::poll(&ready, 1, 1000) <= 0) return made;
  made.accepted = Fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  ::setsockopt(made.accepted.get(), SOL_SOCKET, SO_RCVTIMEO, &second, sizeof second);
  return made;
}

bool PatientBackend::Connection::Works() const {
  if (!accepted.valid()) return false;
  char byte = 0;
  return ::send(client.get(), "?", 1, MSG_NOSIGNAL) == 1 &&
         ::recv(accepted.get(), &byte, 1, 0) == 1 &&
         ::send(accepted.get(), "!", 1, MSG_NOSIGNAL) == 1 &&
         ::recv(client.get(), &byte, 1, 0) == 1 && byte == '!';
}

Environment::Environment() {
  CHECK(::unshare(CLONE_NEWNET) == 0);
  auto routes = linux::RouteSocket::Open();
  const int loopback = routes->Link("lo")->index;
  CHECK_OK(routes->SetUp(loopback));
  CHECK_OK(routes->AddBridge("lan", 1500));
  const int lan = routes->Link("lan")->index;
  CHECK_OK(routes->AddAddress(lan, *linux::ParseIpv4Prefix(std::string(kNodeIp) + "/24")));
  CHECK_OK(routes->SetUp(lan));
  CHECK_OK(routes->ReplaceRoute(*linux::ParseIpv4Prefix("0.0.0.0/0"),
                                *linux::ParseIpv4("192.168.77.254"), lan));
  for (const char* ip : {"10.50.0.1/32", "10.50.0.2/32", "10.50.0.3/32"}) {
    CHECK_OK(routes->AddAddress(loopback, *linux::ParseIpv4Prefix(ip)));
  }
  // The sysctl files show the namespace of the thread that opens them.
  std::ofstream("/proc/sys/net/ipv4/ip_forward") << "1";
  CHECK_OK(routes->AddBridge(kBridge, 1500));
  const int bridge = routes->Link(kBridge)->index;
  // Where br_netfilter is, it would translate on the bridge and pass frames from port to port. The
  // node agent sees to that too.
  std::ofstream("/proc/sys/net/bridge/bridge-nf-call-iptables") << "0";
  // Traffic between pods leaves by the link it came in, which is no reason for ICMP redirects.
  std::ofstream("/proc/sys/net/ipv4/conf/all/send_redirects") << "0";
  std::ofstream(std::string("/proc/sys/net/ipv4/conf/") + kBridge + "/send_redirects") << "0";
  CHECK_OK(routes->AddAddress(bridge, *linux::ParseIpv4Prefix(std::string(kGateway) + "/24")));
  CHECK_OK(routes->SetUp(bridge));
  for (int i = 0; i < 2; ++i) AddPod();
  AddOutside();
  world_ = std::make_unique<RealWorld>();
  thread_ = std::thread([this] { world_->world().loop.Run(); });
}

Environment::~Environment() {
  world_->world().loop.Stop();
  thread_.join();
}

void Environment::AddPod() {
  const int number = static_cast<int>(pods_.size());
  pods_.push_back(std::make_unique<NetworkThread>());
  NetworkThread& pod = *pods_.back();
  auto routes = linux::RouteSocket::Open();
  const std::string host_end = "pod" + std::to_string(number);
  CHECK_OK(routes->AddVeth({.name = host_end,
                            .master = routes->Link(kBridge)->index,
                            .peer_name = "eth0",
                            .peer_pid = pod.tid(),
                            .mac = {2, 0, 0, 0, 0, static_cast<uint8_t>(1 + number)}}));
  CHECK_OK(routes->IsolatePort(routes->Link(host_end)->index));
  pod.Run([number] {
    auto inside = linux::RouteSocket::Open();
    CHECK_OK(inside->SetUp(inside->Link("lo")->index));
    const int link = inside->Link("eth0")->index;
    CHECK_OK(inside->AddAddress(link, *linux::ParseIpv4Prefix(PodIp(number) + "/32")));
    CHECK_OK(inside->SetUp(link));
    const linux::Ipv4 gateway = *linux::ParseIpv4(kGateway);
    CHECK_OK(inside->ReplaceRoute({gateway, 32}, std::nullopt, link));
    CHECK_OK(inside->ReplaceRoute({{}, 0}, gateway, link));
  });
}

void Environment::AddOutside() {
  auto routes = linux::RouteSocket::Open();
  CHECK_OK(routes->AddVeth({.name = "outside",
                            .master = routes->Link("lan")->index,
                            .peer_name = "eth0",
                            .peer_pid = outside_.tid(),
                            .mac = {2, 0, 0, 0, 1, 1}}));
  outside_.Run([] {
    auto inside = linux::RouteSocket::Open();
    const int link = inside->Link("eth0")->index;
    CHECK_OK(inside->AddAddress(link, *linux::ParseIpv4Prefix("192.168.77.9/24")));
    CHECK_OK(inside->SetUp(link));
    CHECK_OK(inside->ReplaceRoute(*linux::ParseIpv4Prefix("127.0.0.0/8"),
                                  *linux::ParseIpv4(kNodeIp), link));
    std::ofstream("/proc/sys/net/ipv4/conf/all/route_localnet") << "1";
  });
}

std::string Environment::AskLoopbackFromOutside(uint16_t port, Protocol protocol) {
  return AskFromOutside("127.0.0.1", port, protocol);
}

std::string Environment::AskFromOutside(const std::string& ip, uint16_t port, Protocol protocol) {
  std::string answer;
  outside_.Run([&] { answer = Ask(ip, port, protocol); });
  return answer;
}

void Environment::OnLoop(const std::function<void()>& function) {
  std::promise<void> done;
  world().loop.PostFromAnyThread([&] {
    function();
    done.set_value();
  });
  done.get_future().wait();
}

Status Environment::Await(std::function<Task<Status>()> make) {
  std::promise<Status> done;
  std::unique_ptr<TaskScope> scope;
  OnLoop([&] {
    scope = std::make_unique<TaskScope>(world().loop);
    scope->Spawn("test", Deliver(std::move(make), &done));
  });
  Status status = done.get_future().get();
  OnLoop([&] { scope.reset(); });
  return status;
}

std::string Environment::AskFromPod(int number, const std::string& ip, uint16_t port,
                                    Protocol protocol) {
  std::string answer;
  pod(number).Run([&] { answer = Ask(ip, port, protocol); });
  return answer;
}

}  // namespace wherry::proxy::dataplane
