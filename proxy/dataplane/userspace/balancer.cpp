#include "proxy/dataplane/userspace/balancer.h"

#include <algorithm>
#include <chrono>

namespace wherry::proxy::dataplane {

const std::vector<services::Backend>& Balancer::BackendsFor(const std::string& client_ip) const {
  const bool inside = !rule_.inside_backends.empty() && is_inside_(client_ip);
  return inside ? rule_.inside_backends : rule_.backends;
}

const services::Backend* Balancer::Choose(const std::string& client_ip, MonotonicTime now) {
  const auto& backends = BackendsFor(client_ip);
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
