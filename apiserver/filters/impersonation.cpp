#include "apiserver/filters/impersonation.h"

#include "apiserver/request/request_info.h"
#include "lib/api/validation.h"
#include "lib/base/ascii.h"

#include <algorithm>
#include <string>
#include <string_view>

namespace wherry::apiserver::filters {

namespace {

constexpr std::string_view kPrefix = "impersonate-";
constexpr std::string_view kExtra = "extra-";
constexpr std::string_view kServiceAccount = "system:serviceaccount:";

bool IsImpersonation(std::string_view name) {
  return name.size() > kPrefix.size() && AsciiLowered(name.substr(0, kPrefix.size())) == kPrefix;
}

// What the headers ask for.
struct Asked {
  http::UserInfo user;
  bool anything = false;
};

Asked Read(const http::Headers& headers) {
  Asked asked;
  for (const auto& [name, value] : headers.all()) {
    if (!IsImpersonation(name)) continue;
    std::string part = AsciiLowered(std::string_view(name).substr(kPrefix.size()));
    if (part == "user") {
      if (asked.user.name.empty()) asked.user.name = value;
    } else if (part == "group") {
      asked.user.groups.push_back(value);
      asked.anything = true;
    } else if (part == "uid") {
      if (asked.user.uid.empty()) asked.user.uid = value;
    } else if (part.starts_with(kExtra)) {
      std::string key = part.substr(kExtra.size());
      asked.user.extra[http::PercentDecode(key, false).value_or(key)].push_back(value);
      asked.anything = true;
    }
  }
  asked.anything = asked.anything || !asked.user.name.empty() || !asked.user.uid.empty();
  return asked;
}

RequestInfo Impersonate(std::string_view group, std::string_view resource, std::string_view name) {
  RequestInfo info;
  info.is_resource = true;
  info.verb = "impersonate";
  info.group = group;
  if (!group.empty()) info.version = "v1";
  info.resource = resource;
  info.name = name;
  return info;
}

// "system:serviceaccount:NS:NAME" in its two parts; the namespace is empty for other names.
std::pair<std::string, std::string> ServiceAccountOf(std::string_view user) {
  if (!user.starts_with(kServiceAccount)) return {};
  user.remove_prefix(kServiceAccount.size());
  size_t colon = user.find(':');
  if (colon == std::string_view::npos) return {};
  std::string_view ns = user.substr(0, colon);
  std::string_view name = user.substr(colon + 1);
  if (!api::NameIsDNSLabel(ns, false).empty() || !api::NameIsDNSSubdomain(name, false).empty()) {
    return {};
  }
  return {std::string(ns), std::string(name)};
}

Status MayImpersonate(const authz::Authorizer& authorizer, const http::UserInfo& caller,
                      const http::UserInfo& wanted) {
  auto [ns, account] = ServiceAccountOf(wanted.name);
  RequestInfo user =
      Impersonate("", ns.empty() ? "users" : "serviceaccounts", ns.empty() ? wanted.name : account);
  user.ns = ns;
  TRY_STATUS(authorizer.Authorize(caller, user));
  for (const std::string& group : wanted.groups) {
    TRY_STATUS(authorizer.Authorize(caller, Impersonate("", "groups", group)));
  }
  constexpr std::string_view kAuthentication = "authentication.k8s.io";
  for (const auto& [key, values] : wanted.extra) {
    for (const std::string& value : values) {
      RequestInfo extra = Impersonate(kAuthentication, "userextras", value);
      extra.subresource = key;
      TRY_STATUS(authorizer.Authorize(caller, extra));
    }
  }
  if (wanted.uid.empty()) return Ok();
  return authorizer.Authorize(caller, Impersonate(kAuthentication, "uids", wanted.uid));
}

bool Has(const std::vector<std::string>& groups, std::string_view group) {
  return std::find(groups.begin(), groups.end(), group) != groups.end();
}

void AddFixedGroups(http::UserInfo& user) {
  constexpr std::string_view kAuthenticated = "system:authenticated";
  constexpr std::string_view kUnauthenticated = "system:unauthenticated";
  auto [ns, account] = ServiceAccountOf(user.name);
  if (!ns.empty() && user.groups.empty()) {
    user.groups = {"system:serviceaccounts", "system:serviceaccounts:" + ns};
  }
  bool anonymous = user.name == "system:anonymous";
  if (Has(user.groups, kUnauthenticated)) return;
  if (anonymous) {
    user.groups.emplace_back(kUnauthenticated);
  } else if (!Has(user.groups, kAuthenticated)) {
    user.groups.emplace_back(kAuthenticated);
  }
}

}  // namespace

Result<std::optional<http::UserInfo>> Impersonated(const authz::Authorizer& authorizer,
                                                   const http::UserInfo& caller,
                                                   const http::Headers& headers) {
  Asked asked = Read(headers);
  if (!asked.anything) return std::optional<http::UserInfo>();
  if (asked.user.name.empty()) {
    return MakeError(Reason::kInternalError,
                     "requested a group, a UID or an extra without impersonating a user");
  }
  TRY_STATUS(MayImpersonate(authorizer, caller, asked.user));
  AddFixedGroups(asked.user);
  return std::optional<http::UserInfo>(std::move(asked.user));
}

}  // namespace wherry::apiserver::filters
