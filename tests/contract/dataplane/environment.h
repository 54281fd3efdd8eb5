#pragma once

// The network a dataplane is tried in: a node in a namespace of the test's own, two pods behind its
// bridge, and programs that ask and answer.

#include "lib/linux/fd.h"
#include "lib/loop/task.h"
#include "lib/loop/world.h"
#include "proxy/services/table.h"

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>

namespace wherry::proxy::dataplane {

inline constexpr const char* kNodeIp = "192.168.77.1";
inline constexpr const char* kPodCidr = "10.60.0.0/24";

// A thread in a network namespace of its own. The node's pods live in such.
class NetworkThread {
 public:
  NetworkThread();
  ~NetworkThread();
  int tid() const { return tid_; }
  // Runs a function there and waits for it.
  void Run(std::function<void()> function);

 private:
  void Serve();
  struct Inbox;
  std::unique_ptr<Inbox> inbox_;
  std::thread thread_;
  std::atomic<int> tid_ = 0;
};

// Answers each connection, or each datagram, on `ip`:8080 with its own name, the address. In the
// node's namespace, or in a pod's.
class Backend {
 public:
  Backend(std::string ip, services::Protocol protocol, NetworkThread* pod = nullptr);
  ~Backend();
  Backend(const Backend&) = delete;
  // The address the last client came from.
  std::string last_client() const;

 private:
  void Serve();
  std::string name_;
  services::Protocol protocol_;
  linux::Fd socket_;
  std::atomic<uint32_t> last_client_ = 0;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

// A client's socket, made in this thread's namespace. `port`: the client's own; 0: any.
class Client {
 public:
  Client(services::Protocol protocol, uint16_t port);
  // The backend's name; "refused" after a reset or an ICMP error, "silent" after a second without
  // an answer. The same socket may ask again when it is UDP.
  std::string Ask(const std::string& ip, uint16_t port);

 private:
  services::Protocol protocol_;
  linux::Fd socket_;
};

std::string Ask(const std::string& ip, uint16_t port, services::Protocol protocol);

// A TCP backend on 10.50.0.1:8080 in this thread's namespace that keeps its connections.
class PatientBackend {
 public:
  PatientBackend();
  // A client of `ip`:`port` and, when it was let through to here, the other end of its connection.
  struct Connection {
    linux::Fd client;
    linux::Fd accepted;
    // A byte each way; false when one does not arrive within a second.
    bool Works() const;
  };
  Connection Connect(const std::string& ip, uint16_t port);

 private:
  linux::Fd listener_;
};

// The node, with a loop that runs in a thread of its own. The addresses 10.50.0.1 to 10.50.0.3 are
// the node's own; the pods have 10.60.0.2 and 10.60.0.3, each a /32 behind a bridge,
// so that what they send each other is routed, as the node agent makes them.
class Environment {
 public:
  Environment();
  ~Environment();
  World& world() { return world_->world(); }
  NetworkThread& pod(int number) { return *pods_[static_cast<size_t>(number)]; }
  static std::string PodIp(int number) { return "10.60.0." + std::to_string(2 + number); }

  // Runs a function on the loop's thread.
  void OnLoop(const std::function<void()>& function);
  Status Await(std::function<Task<Status>()> make);
  // As Ask, from another machine on the node's segment.
  std::string AskFromOutside(const std::string& ip, uint16_t port, services::Protocol protocol);
  // As Ask, to 127.0.0.1 with the node as its gateway, from a machine that does not mind.
  std::string AskLoopbackFromOutside(uint16_t port, services::Protocol protocol);
  // As Ask, from inside a pod.
  std::string AskFromPod(int number, const std::string& ip, uint16_t port,
                         services::Protocol protocol);

 private:
  void AddPod();
  void AddOutside();
  std::unique_ptr<RealWorld> world_;
  std::vector<std::unique_ptr<NetworkThread>> pods_;
  NetworkThread outside_;
  std::thread thread_;
};

}  // namespace wherry::proxy::dataplane
