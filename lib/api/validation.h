#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// What names and values look like. Each function answers the reasons why `value` is not one, empty
// when it is. Source: apimachinery pkg/util/validation; the regular expressions quoted in messages
// are upstream's.
namespace wherry::api {

using Reasons = std::vector<std::string>;

Reasons IsDNS1123Label(std::string_view value);
Reasons IsDNS1123Subdomain(std::string_view value);
Reasons IsDNS1035Label(std::string_view value);
// A label or annotation key: an optional subdomain and '/', then a name of at most 63 bytes.
Reasons IsQualifiedName(std::string_view value);
Reasons IsValidLabelValue(std::string_view value);
Reasons IsConfigMapKey(std::string_view value);
Reasons IsEnvVarName(std::string_view value);
Reasons IsCIdentifier(std::string_view value);
Reasons IsValidPortName(std::string_view value);
Reasons IsValidPortNum(int64_t port);
Reasons IsInRange(int64_t value, int64_t low, int64_t high);
Reasons IsValidIP(std::string_view value);
bool IsIPv4(std::string_view value);
bool IsIPv6(std::string_view value);
Reasons IsValidCIDR(std::string_view value);
Reasons IsValidPercent(std::string_view value);
Reasons IsHTTPHeaderName(std::string_view value);
// User and group ids: 0 to 2147483647.
Reasons IsValidUserID(int64_t id);
Reasons IsWildcardDNS1123Subdomain(std::string_view value);
// A name that becomes one segment of a path: not ".", "..", no '/' or '%'.
Reasons IsValidPathSegmentName(std::string_view value);

// metadata.name rules by kind, `prefix` for a generateName (a trailing '-' is then fine).
Reasons NameIsDNSSubdomain(std::string_view name, bool prefix);
Reasons NameIsDNSLabel(std::string_view name, bool prefix);
Reasons NameIsDNS1035Label(std::string_view name, bool prefix);

// Phrases that validation of kinds reuses.
std::string MaxLenError(int64_t length);
std::string InclusiveRangeError(int64_t low, int64_t high);
std::string RegexError(std::string_view message, std::string_view regex,
                       const std::vector<std::string>& examples);
std::string EmptyError();

}  // namespace wherry::api
