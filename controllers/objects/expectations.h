#pragma once

#include "lib/loop/loop.h"

#include <map>
#include <set>
#include <string>

namespace wherry::controllers {

// Objects that were created or deleted for an owner and whose watch events have not arrived yet.
// While any is outstanding the local copy is known to be behind, and acting on it would create or
// delete too many. Upstream counts creations (ControllerExpectations); here each has its name.
class Expectations {
 public:
  // An event that never comes (a pod gone before a re-list) blocks an owner no longer than this.
  static constexpr std::chrono::minutes kTimeout{5};

  void ExpectCreation(const std::string& owner, const std::string& object, MonotonicTime now);
  void ExpectDeletion(const std::string& owner, const std::string& object, MonotonicTime now);
  // The event arrived, or will not since the request failed.
  void CreationObserved(const std::string& owner, const std::string& object);
  void DeletionObserved(const std::string& owner, const std::string& object);
  void Forget(const std::string& owner);

  // It was deleted, although the local copy may still show it.
  bool IsDeleted(const std::string& owner, const std::string& object) const;
  bool Satisfied(const std::string& owner, MonotonicTime now) const;

 private:
  struct Outstanding {
    std::set<std::string> created;
    std::set<std::string> deleted;
    MonotonicTime since;
  };
  std::map<std::string, Outstanding> owners_;
};

}  // namespace wherry::controllers
