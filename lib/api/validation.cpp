#include "lib/api/validation.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace wherry::api {
namespace {

constexpr size_t kLabelMax = 63;
constexpr size_t kSubdomainMax = 253;
constexpr size_t kPortNameMax = 15;

// The expressions as upstream quotes them in messages; the matching below is by hand.
constexpr std::string_view kDns1123LabelRegex = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
constexpr std::string_view kDns1123SubdomainRegex =
    "[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*";
constexpr std::string_view kDns1035LabelRegex = "[a-z]([-a-z0-9]*[a-z0-9])?";
constexpr std::string_view kQualifiedNameRegex = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
constexpr std::string_view kLabelValueRegex = "(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?";
constexpr std::string_view kConfigMapKeyRegex = "[-._a-zA-Z0-9]+";
constexpr std::string_view kEnvVarNameRegex = "[-._a-zA-Z][-._a-zA-Z0-9]*";
constexpr std::string_view kCIdentifierRegex = "[A-Za-z_][A-Za-z0-9_]*";
constexpr std::string_view kPercentRegex = "[0-9]+%";
constexpr std::string_view kHttpHeaderNameRegex = "[-A-Za-z0-9]+";

bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLowerOrDigit(char c) { return IsLower(c) || IsDigit(c); }
bool IsLetter(char c) { return IsLower(c) || (c >= 'A' && c <= 'Z'); }
bool IsLetterOrDigit(char c) { return IsLetter(c) || IsDigit(c); }
bool IsOneOf(char c, std::string_view set) { return set.find(c) != std::string_view::npos; }

template <typename Predicate>
bool All(std::string_view value, Predicate predicate) {
  return std::all_of(value.begin(), value.end(), predicate);
}

bool MatchesDnsLabel(std::string_view value) {
  return !value.empty() && IsLowerOrDigit(value.front()) && IsLowerOrDigit(value.back()) &&
         All(value, [](char c) { return IsLowerOrDigit(c) || c == '-'; });
}

bool MatchesSubdomain(std::string_view value) {
  while (true) {
    const size_t dot = value.find('.');
    if (!MatchesDnsLabel(value.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    value.remove_prefix(dot + 1);
  }
}

bool MatchesQualifiedName(std::string_view value) {
  return !value.empty() && IsLetterOrDigit(value.front()) && IsLetterOrDigit(value.back()) &&
         All(value, [](char c) { return IsLetterOrDigit(c) || IsOneOf(c, "-_."); });
}

void RefuseDotNames(std::string_view value, Reasons* reasons) {
  if (value == ".") {
    reasons->push_back("must not be '.'");
  } else if (value == "..") {
    reasons->push_back("must not be '..'");
  } else if (value.starts_with("..")) {
    reasons->push_back("must not start with '..'");
  }
}

Reasons WithPrefix(Reasons reasons, std::string_view prefix) {
  for (std::string& reason : reasons) reason.insert(0, prefix);
  return reasons;
}

// A generateName gets a suffix, so that a '-' at its end is none of the name's.
std::string_view WithoutTrailingDash(std::string_view name, bool prefix) {
  if (prefix && name.size() > 1 && name.ends_with('-')) name.remove_suffix(1);
  return name;
}

const char* const kQualifiedNameRule =
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character";

std::string QualifiedNameError() {
  return RegexError(kQualifiedNameRule, kQualifiedNameRegex, {"MyName", "my.name", "123-abc"});
}

}  // namespace

std::string MaxLenError(int64_t length) {
  return "must be no more than " + std::to_string(length) + " characters";
}

std::string InclusiveRangeError(int64_t low, int64_t high) {
  return "must be between " + std::to_string(low) + " and " + std::to_string(high) + ", inclusive";
}

std::string EmptyError() { return "must be non-empty"; }

std::string RegexError(std::string_view message, std::string_view regex,
                       const std::vector<std::string>& examples) {
  std::string text(message);
  text += " (";
  for (size_t i = 0; i < examples.size(); ++i) {
    text += i == 0 ? "e.g. " : " or ";
    text += "'" + examples[i] + "', ";
  }
  text += "regex used for validation is '";
  text += regex;
  return text + "')";
}

Reasons IsDNS1123Label(std::string_view value) {
  Reasons reasons;
  if (value.size() > kLabelMax) reasons.push_back(MaxLenError(kLabelMax));
  if (MatchesDnsLabel(value)) return reasons;
  if (MatchesSubdomain(value)) {
    reasons.push_back("must not contain dots");
  } else {
    reasons.push_back(RegexError(
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
        "must start and end with an alphanumeric character",
        kDns1123LabelRegex, {"my-name", "123-abc"}));
  }
  return reasons;
}

Reasons IsDNS1123Subdomain(std::string_view value) {
  Reasons reasons;
  if (value.size() > kSubdomainMax) reasons.push_back(MaxLenError(kSubdomainMax));
  if (!MatchesSubdomain(value)) {
    reasons.push_back(RegexError(
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
        "'.', and must start and end with an alphanumeric character",
        kDns1123SubdomainRegex, {"example.com"}));
  }
  return reasons;
}

Reasons IsDNS1035Label(std::string_view value) {
  Reasons reasons;
  if (value.size() > kLabelMax) reasons.push_back(MaxLenError(kLabelMax));
  if (!MatchesDnsLabel(value) || !IsLower(value.front())) {
    reasons.push_back(RegexError(
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "
        "alphabetic character, and end with an alphanumeric character",
        kDns1035LabelRegex, {"my-name", "abc-123"}));
  }
  return reasons;
}

Reasons IsQualifiedName(std::string_view value) {
  Reasons reasons;
  std::string_view name = value;
  if (const size_t slash = value.find('/'); slash != std::string_view::npos) {
    const std::string_view prefix = value.substr(0, slash);
    name = value.substr(slash + 1);
    if (name.find('/') != std::string_view::npos) {
      return {"a qualified name " + QualifiedNameError() +
              " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"};
    }
    reasons = WithPrefix(prefix.empty() ? Reasons{EmptyError()} : IsDNS1123Subdomain(prefix),
                         "prefix part ");
  }
  if (name.empty()) reasons.push_back("name part " + EmptyError());
  if (name.size() > kLabelMax) reasons.push_back("name part " + MaxLenError(kLabelMax));
  if (!MatchesQualifiedName(name)) reasons.push_back("name part " + QualifiedNameError());
  return reasons;
}

Reasons IsValidLabelValue(std::string_view value) {
  Reasons reasons;
  if (value.size() > kLabelMax) reasons.push_back(MaxLenError(kLabelMax));
  if (!value.empty() && !MatchesQualifiedName(value)) {
    reasons.push_back(RegexError(
        std::string(
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' "
            "or '.', and must start and end with an alphanumeric character"),
        kLabelValueRegex, {"MyValue", "my_value", "12345"}));
  }
  return reasons;
}

Reasons IsConfigMapKey(std::string_view value) {
  Reasons reasons;
  if (value.size() > kSubdomainMax) reasons.push_back(MaxLenError(kSubdomainMax));
  if (value.empty() ||
      !All(value, [](char c) { return IsLetterOrDigit(c) || IsOneOf(c, "-._"); })) {
    reasons.push_back(
        RegexError("a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
                   kConfigMapKeyRegex, {"key.name", "KEY_NAME", "key-name"}));
  }
  RefuseDotNames(value, &reasons);
  return reasons;
}

Reasons IsEnvVarName(std::string_view value) {
  Reasons reasons;
  if (value.empty() || IsDigit(value.front()) ||
      !All(value, [](char c) { return IsLetterOrDigit(c) || IsOneOf(c, "-._"); })) {
    reasons.push_back(
        RegexError("a valid environment variable name must consist of alphabetic characters, "
                   "digits, '_', '-', "
                   "or '.', and must not start with a digit",
                   kEnvVarNameRegex, {"my.env-name", "MY_ENV.NAME", "MyEnvName1"}));
  }
  RefuseDotNames(value, &reasons);
  return reasons;
}

Reasons IsCIdentifier(std::string_view value) {
  if (!value.empty() && !IsDigit(value.front()) &&
      All(value, [](char c) { return IsLetterOrDigit(c) || c == '_'; })) {
    return {};
  }
  return {RegexError(
      "a valid C identifier must start with alphabetic character or '_', followed by a string of "
      "alphanumeric characters or '_'",
      kCIdentifierRegex, {"my_name", "MY_NAME", "MyName"})};
}

Reasons IsValidPortName(std::string_view value) {
  Reasons reasons;
  if (value.size() > kPortNameMax) reasons.push_back(MaxLenError(kPortNameMax));
  if (value.empty() || !All(value, [](char c) { return IsLowerOrDigit(c) || c == '-'; })) {
    reasons.push_back("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
  }
  if (!std::any_of(value.begin(), value.end(), IsLower)) {
    reasons.push_back("must contain at least one letter (a-z)");
  }
  if (value.find("--") != std::string_view::npos) {
    reasons.push_back("must not contain consecutive hyphens");
  }
  if (value.starts_with('-') || value.ends_with('-')) {
    reasons.push_back("must not begin or end with a hyphen");
  }
  return reasons;
}

Reasons IsInRange(int64_t value, int64_t low, int64_t high) {
  if (value >= low && value <= high) return {};
  return {InclusiveRangeError(low, high)};
}

Reasons IsValidPortNum(int64_t port) { return IsInRange(port, 1, 65535); }
Reasons IsValidUserID(int64_t id) { return IsInRange(id, 0, 2147483647); }

bool IsIPv4(std::string_view value) {
  in_addr address{};
  return inet_pton(AF_INET, std::string(value).c_str(), &address) == 1 &&
         value.find('\0') == std::string_view::npos;
}

bool IsIPv6(std::string_view value) {
  in6_addr address{};
  return inet_pton(AF_INET6, std::string(value).c_str(), &address) == 1 &&
         value.find('\0') == std::string_view::npos;
}

Reasons IsValidIP(std::string_view value) {
  if (IsIPv4(value) || IsIPv6(value)) return {};
  return {"must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"};
}

Reasons IsValidCIDR(std::string_view value) {
  const size_t slash = value.find('/');
  if (slash != std::string_view::npos) {
    const std::string_view address = value.substr(0, slash);
    const std::string_view length = value.substr(slash + 1);
    int bits = 0;
    auto [end, error] = std::from_chars(length.data(), length.data() + length.size(), bits);
    const bool number = error == std::errc() && end == length.data() + length.size();
    const int max_bits = IsIPv4(address) ? 32 : (IsIPv6(address) ? 128 : -1);
    if (number && bits >= 0 && bits <= max_bits) return {};
  }
  return {"must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"};
}

Reasons IsValidPercent(std::string_view value) {
  if (value.size() > 1 && value.back() == '%' && All(value.substr(0, value.size() - 1), IsDigit))
    return {};
  return {RegexError("a valid percent string must be a numeric string followed by an ending '%'",
                     kPercentRegex, {"1%", "93%"})};
}

Reasons IsHTTPHeaderName(std::string_view value) {
  if (!value.empty() && All(value, [](char c) { return IsLetterOrDigit(c) || c == '-'; }))
    return {};
  return {RegexError("a valid HTTP header must consist of alphanumeric characters or '-'",
                     kHttpHeaderNameRegex, {"X-Header-Name"})};
}

Reasons IsWildcardDNS1123Subdomain(std::string_view value) {
  Reasons reasons;
  if (value.size() > kSubdomainMax) reasons.push_back(MaxLenError(kSubdomainMax));
  if (!value.starts_with("*.") || !MatchesSubdomain(value.substr(2))) {
    reasons.push_back(RegexError(
        "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, "
        "which must consist of lower case alphanumeric characters, '-' or '.' and end with an "
        "alphanumeric character",
        "\\*\\." + std::string(kDns1123SubdomainRegex), {"*.example.com"}));
  }
  return reasons;
}

Reasons IsValidPathSegmentName(std::string_view value) {
  if (value == "." || value == "..") return {"may not be '" + std::string(value) + "'"};
  Reasons reasons;
  for (const char* refused : {"/", "%"}) {
    if (value.find(refused) != std::string_view::npos) {
      reasons.push_back("may not contain '" + std::string(refused) + "'");
    }
  }
  return reasons;
}

Reasons NameIsDNSSubdomain(std::string_view name, bool prefix) {
  return IsDNS1123Subdomain(WithoutTrailingDash(name, prefix));
}
Reasons NameIsDNSLabel(std::string_view name, bool prefix) {
  return IsDNS1123Label(WithoutTrailingDash(name, prefix));
}
Reasons NameIsDNS1035Label(std::string_view name, bool prefix) {
  return IsDNS1035Label(WithoutTrailingDash(name, prefix));
}

}  // namespace wherry::api
