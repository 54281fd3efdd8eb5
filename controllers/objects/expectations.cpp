#include "controllers/objects/expectations.h"

namespace wherry::controllers {

void Expectations::ExpectCreation(const std::string& owner, const std::string& object,
                                  MonotonicTime now) {
  auto& outstanding = owners_[owner];
  outstanding.created.insert(object);
  outstanding.since = now;
}

void Expectations::ExpectDeletion(const std::string& owner, const std::string& object,
                                  MonotonicTime now) {
  auto& outstanding = owners_[owner];
  outstanding.deleted.insert(object);
  outstanding.since = now;
}

void Expectations::CreationObserved(const std::string& owner, const std::string& object) {
  if (auto it = owners_.find(owner); it != owners_.end()) it->second.created.erase(object);
}

void Expectations::DeletionObserved(const std::string& owner, const std::string& object) {
  if (auto it = owners_.find(owner); it != owners_.end()) it->second.deleted.erase(object);
}

void Expectations::Forget(const std::string& owner) { owners_.erase(owner); }

bool Expectations::IsDeleted(const std::string& owner, const std::string& object) const {
  const auto it = owners_.find(owner);
  return it != owners_.end() && it->second.deleted.contains(object);
}

bool Expectations::Satisfied(const std::string& owner, MonotonicTime now) const {
  const auto it = owners_.find(owner);
  if (it == owners_.end()) return true;
  const auto& outstanding = it->second;
  return (outstanding.created.empty() && outstanding.deleted.empty()) ||
         now - outstanding.since >= kTimeout;
}

}  // namespace wherry::controllers
