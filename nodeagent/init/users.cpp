#include "nodeagent/init/users.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <functional>
#include <optional>

namespace wherry::nodeagent::init {
namespace {

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

// setresuid(2) takes 4294967295 for "leave it", which would be root; what is above the signed range
// is refused throughout, as other runtimes do (CVE-2024-40635).
constexpr int64_t kIdMax = INT32_MAX;

std::optional<uint32_t> Number(std::string_view text) {
  uint32_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value <= kIdMax ? std::optional(value) : std::nullopt;
}

bool AllDigits(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

Error OutOfRange(const std::string& what) {
  return MakeError(Reason::kInvalid, what + " is not between 0 and " + std::to_string(kIdMax));
}

// Of those numbers that the pod says.
Status CheckRequest(const IdentityRequest& request) {
  if (request.uid > kIdMax) return OutOfRange("user " + std::to_string(request.uid));
  if (request.gid > kIdMax) return OutOfRange("group " + std::to_string(request.gid));
  for (int64_t gid : request.supplemental_groups) {
    if (gid < 0 || gid > kIdMax) return OutOfRange("supplemental group " + std::to_string(gid));
  }
  return Ok();
}

// The first line of a colon file whose fields satisfy `wanted`.
std::optional<std::vector<std::string_view>> FindLine(
    std::string_view file, size_t fields_min,
    const std::function<bool(const std::vector<std::string_view>&)>& wanted) {
  for (std::string_view line : Split(file, '\n')) {
    auto fields = Split(line, ':');
    if (fields.size() >= fields_min && wanted(fields)) return fields;
  }
  return std::nullopt;
}

}  // namespace

Result<Identity> ResolveIdentity(const IdentityRequest& request, std::string_view passwd,
                                 std::string_view group) {
  TRY_STATUS(CheckRequest(request));
  std::string_view user = request.user;
  std::string_view group_name;
  if (size_t colon = user.find(':'); colon != std::string_view::npos) {
    group_name = user.substr(colon + 1);
    user = user.substr(0, colon);
  }
  std::string by_number = request.uid >= 0 ? std::to_string(request.uid) : std::string(user);
  if (by_number.empty()) by_number = "0";

  Identity identity;
  std::string name;
  auto number = Number(by_number);
  if (!number && AllDigits(by_number)) return OutOfRange("user " + by_number);
  // passwd: name:password:uid:gid:comment:home:shell
  // A number is never a name: a line `1000:x:0:0` would make root of user 1000 (CVE-2016-3697).
  auto line = FindLine(passwd, 4, [&](const auto& fields) {
    return number ? Number(fields[2]) == number : fields[0] == by_number;
  });
  if (line) {
    name = (*line)[0];
    auto uid = Number((*line)[2]);
    auto gid = Number((*line)[3]);
    if (!uid || !gid) {
      return MakeError(Reason::kInvalid, "user '" + name + "' has a broken line in /etc/passwd");
    }
    identity.uid = *uid;
    identity.gid = *gid;
    if (line->size() > 5) identity.home = (*line)[5];
  } else if (number) {
    identity.uid = *number;
  } else {
    return MakeError(Reason::kInvalid, "unable to find user " + std::string(user) +
                                           ": no matching entries in passwd file");
  }

  if (request.gid >= 0) {
    identity.gid = static_cast<uint32_t>(request.gid);
  } else if (request.uid < 0 && !group_name.empty()) {
    auto gid = Number(group_name);
    auto group_line =
        FindLine(group, 3, [&](const auto& fields) { return fields[0] == group_name; });
    if (group_line) gid = Number((*group_line)[2]);
    if (!gid) {
      return MakeError(Reason::kInvalid, "unable to find group " + std::string(group_name) +
                                             ": no matching entries in group file");
    }
    identity.gid = *gid;
  }

  // group: name:password:gid:member,member
  for (std::string_view text : Split(group, '\n')) {
    auto fields = Split(text, ':');
    if (fields.size() < 4 || name.empty()) continue;
    auto members = Split(fields[3], ',');
    auto gid = Number(fields[2]);
    if (gid && std::ranges::find(members, name) != members.end()) identity.groups.push_back(*gid);
  }
  for (int64_t gid : request.supplemental_groups) {
    identity.groups.push_back(static_cast<uint32_t>(gid));
  }
  std::ranges::sort(identity.groups);
  auto repeated = std::ranges::unique(identity.groups);
  identity.groups.erase(repeated.begin(), repeated.end());
  return identity;
}

}  // namespace wherry::nodeagent::init
