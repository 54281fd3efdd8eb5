#include "proxy/dataplane/userspace/balancer.h"

#include <algorithm>
#include <chrono>

namespace wherry::proxy::dataplane {

const services::Backend* Balancer::Choose(const std::string& client_ip, MonotonicTime now) {
  const auto& backends = rule_.backends;
  if (backends.empty()) return nullptr;
  const std::chrono::seconds affinity(rule_.affinity_seconds);
  if (affinity.count() > 0) {
    std::erase_if(sticky_, [&](const auto& entry) { return now - entry.second.second > affinity; });
    auto known = sticky_.find(client_ip);
    if (known != sticky_.end()) {
      auto backend = std::find(backends.begin(), backends.end(), known->second.first);
      if (backend != backends.end()) {
        known->second.second = now;
        return &*backend;
      }
    }
  }
  const services::Backend& chosen = backends[next_++ % backends.size()];
  if (affinity.count() > 0) sticky_[client_ip] = {chosen, now};
  return &chosen;
}

}  // namespace wherry::proxy::dataplane
