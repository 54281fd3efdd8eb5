#pragma once

#include "lib/loop/loop.h"
#include "proxy/services/table.h"

#include <map>
#include <string>
#include <utility>

namespace wherry::proxy::dataplane {

// Chooses backends for one rule: round robin, or the one a client address had before while its
// affinity lasts.
class Balancer {
 public:
  explicit Balancer(services::Rule rule) : rule_(std::move(rule)) {}

  void SetRule(services::Rule rule) { rule_ = std::move(rule); }
  const services::Rule& rule() const { return rule_; }

  // Null when there is none.
  const services::Backend* Choose(const std::string& client_ip, MonotonicTime now);
  // The client's backend did not answer: another is chosen next time.
  void Forget(const std::string& client_ip) { sticky_.erase(client_ip); }

 private:
  services::Rule rule_;
  size_t next_ = 0;
  std::map<std::string, std::pair<services::Backend, MonotonicTime>>
      sticky_;  // client -> backend, last use
};

}  // namespace wherry::proxy::dataplane
