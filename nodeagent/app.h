#pragma once

#include "lib/client/api_client.h"
#include "lib/http/message.h"
#include "lib/loop/world.h"
#include "nodeagent/images/image_service.h"
#include "nodeagent/runtime/runtime.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace wherry::nodeagent {

namespace probes {
class TcpDialer;
}
namespace volumes {
class MountCalls;
}
namespace lifecycle {
struct MachineInfo;
struct MachineUsage;
}  // namespace lifecycle

struct Options {
  std::string node_name;
  std::string node_ip;
  std::string data_dir;  // pods/ and log/pods/ are below it
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> capacity;  // overrides of the machine's, as quantities
  int32_t kubelet_port = 10250;                 // what the Node says; the caller listens
  // Known before the control plane gives one; "" waits for spec.podCIDR.
  std::string pod_cidr;
  // Called once, when the node's pod CIDR is known: makes the pod network ready. Pods with a
  // network of their own start after it has returned without error; an error is shown as the
  // node's Ready condition and tried again.
  std::function<Task<Status>(std::string pod_cidr)> setup_pod_network;
  std::vector<std::string> allowed_unsafe_sysctls;  // names, or beginnings followed by '*'
  std::string cluster_dns;                          // "" when there is none
  std::string cluster_domain = "cluster.local";
  std::string version = "v1.28.0+wherry-0.1.0";
  std::string runtime_version = "0.1.0";
  std::string etc_directory = "/etc";
};

// What a simulation replaces. Null members are made by App for the real world; what is given
// outlives it.
struct Substitutes {
  http::RoundTripper* probe_http = nullptr;
  http::RoundTripper* probe_grpc = nullptr;
  probes::TcpDialer* probe_tcp = nullptr;
  std::shared_ptr<volumes::MountCalls> mounts = nullptr;
  const lifecycle::MachineInfo* machine = nullptr;  // instead of reading it; copied
  // With `machine`: what is used of it now. Called on Blocking; without it nothing is.
  std::function<lifecycle::MachineUsage()> usage = {};
};

// The node agent: registers the node, runs the pods that are bound to it, tells their status.
//
// Loop thread. World, client, runtime and images outlive it. Destroying it stops nothing that runs:
// the next App over the same runtime and data directory adopts the pods. An API server that is away
// harms nothing.
class App {
 public:
  App(World& world, client::ApiClient& client, runtime::Runtime& runtime,
      images::ImageService& images, Options options, Substitutes substitutes = {});
  ~App();

  // Recovers what runs, then goes on for ever. Once.
  void Start();
  // The first list of pods has been seen.
  bool HasSynced() const;
  bool registered() const;
  // The kubelet's HTTP API: /containerLogs, /pods, /stats/summary, /metrics, /metrics/resource,
  // /healthz. Requests must be authenticated: in process, or by a client certificate that the
  // server has verified.
  http::Handler& handler();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace wherry::nodeagent
