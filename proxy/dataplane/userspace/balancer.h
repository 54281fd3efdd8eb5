#pragma once

#include "lib/loop/loop.h"
#include "proxy/services/table.h"

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace wherry::proxy::dataplane {

// Chooses backends for one rule: round robin, or the one a client address had before while its
// affinity lasts.
class Balancer {
 public:
  // `is_inside` says whether a client is a process or pod of this node.
  using IsInside = std::function<bool(const std::string& client_ip)>;
  Balancer(services::Rule rule, IsInside is_inside)
      : rule_(std::move(rule)), is_inside_(std::move(is_inside)) {}

  void SetRule(services::Rule rule) { rule_ = std::move(rule); }
  const services::Rule& rule() const { return rule_; }

  // Those that may answer this client.
  const std::vector<services::Backend>& BackendsFor(const std::string& client_ip) const;
  // Null when there is none.
  const services::Backend* Choose(const std::string& client_ip, MonotonicTime now);
  // The client's backend did not answer: another is chosen next time.
  void Forget(const std::string& client_ip) { sticky_.erase(client_ip); }

 private:
  services::Rule rule_;
  IsInside is_inside_;
  size_t next_ = 0;
  std::map<std::string, std::pair<services::Backend, MonotonicTime>>
      sticky_;  // client -> backend, last use
};

}  // namespace wherry::proxy::dataplane
