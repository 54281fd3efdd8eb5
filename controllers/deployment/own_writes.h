#pragma once

#include "controllers/objects/types.h"
#include "lib/loop/loop.h"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace wherry::controllers::deployment {

// Replica sets as this process last wrote them, per deployment. Until the cache shows them so, the
// sizes in it add up wrongly: a new set would be given room that another has already taken.
// (Upstream relies on resourceVersion conflicts, which do not guard sums.)
class OwnWrites {
 public:
  // A watch event that never comes blocks a deployment no longer than this.
  static constexpr std::chrono::minutes kTimeout{5};

  // The server's answer to a write.
  void Written(const std::string& deployment, const appsv1::ReplicaSet& stored, MonotonicTime now);
  // No answer came: the set must be read from the server before anything else is decided.
  void Unclear(const std::string& deployment, const std::string& set_name);
  void Clear(const std::string& deployment, const std::string& set_name);
  std::vector<std::string> UnclearSets(const std::string& deployment) const;

  // Every written set is among `sets`, in that generation or a later one.
  bool Seen(const std::string& deployment, const std::vector<ReplicaSetPtr>& sets,
            MonotonicTime now) const;
  // That set is gone.
  void ForgetSet(const std::string& deployment, const std::string& uid);
  void Forget(const std::string& deployment);

 private:
  struct Write {
    int64_t generation = 0;
    MonotonicTime at;
  };
  struct Writes {
    std::map<std::string, Write> by_uid;
    std::set<std::string> unclear;
  };
  std::map<std::string, Writes> deployments_;
};

}  // namespace wherry::controllers::deployment
