#include "nodeagent/volumes/downward_api.h"

#include "lib/api/quantity.h"
#include "proto/api/core/v1.pb.h"

namespace wherry::nodeagent::volumes {

namespace {

// Go's %q for text: quotes, backslashes and control characters escaped.
std::string Quote(std::string_view text) {
  std::string quoted = "\"";
  constexpr std::string_view kHex = "0123456789abcdef";
  for (const char c : text) {
    switch (c) {
      case '"':
        quoted += "\\\"";
        break;
      case '\\':
        quoted += "\\\\";
        break;
      case '\n':
        quoted += "\\n";
        break;
      case '\t':
        quoted += "\\t";
        break;
      case '\r':
        quoted += "\\r";
        break;
      case '\a':
        quoted += "\\a";
        break;
      case '\b':
        quoted += "\\b";
        break;
      case '\f':
        quoted += "\\f";
        break;
      case '\v':
        quoted += "\\v";
        break;
      default: {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7f) {
          quoted += "\\x";
          quoted += kHex[byte >> 4];
          quoted += kHex[byte & 15];
        } else {
          quoted += c;
        }
      }
    }
  }
  return quoted + "\"";
}

template <typename Map>
std::string FormatMap(const Map& map) {
  const std::map<std::string, std::string> sorted(map.begin(), map.end());
  std::string text;
  for (const auto& [key, value] : sorted) {
    if (!text.empty()) text += "\n";
    text += key + "=" + Quote(value);
  }
  return text;
}

// "metadata.labels['app']" -> "app".
bool Subscript(std::string_view path, std::string_view map_path, std::string* key) {
  if (!path.starts_with(map_path) || !path.ends_with("']")) return false;
  path.remove_prefix(map_path.size());
  if (!path.starts_with("['") || path.size() < 4) return false;
  *key = std::string(path.substr(2, path.size() - 4));
  return true;
}

template <typename Map>
std::string At(const Map& map, const std::string& key) {
  auto found = map.find(key);
  return found == map.end() ? std::string() : found->second;
}

int64_t CeilDivide(int64_t value, int64_t divisor) {
  if (divisor <= 0) divisor = 1;
  return (value + divisor - 1) / divisor;
}

}  // namespace

Result<std::string> FieldRefValue(const api::core::v1::Pod& pod, const DownwardContext& context,
                                  std::string_view path) {
  const auto& meta = pod.metadata();
  std::string key;
  if (Subscript(path, "metadata.labels", &key)) return At(meta.labels(), key);
  if (Subscript(path, "metadata.annotations", &key)) return At(meta.annotations(), key);
  if (path == "metadata.name") return meta.name();
  if (path == "metadata.namespace") return meta.namespace_();
  if (path == "metadata.uid") return meta.uid();
  if (path == "metadata.labels") return FormatMap(meta.labels());
  if (path == "metadata.annotations") return FormatMap(meta.annotations());
  if (path == "spec.nodeName") return pod.spec().nodename();
  if (path == "spec.serviceAccountName") return pod.spec().serviceaccountname();
  if (path == "status.hostIP" || path == "status.hostIPs") return context.host_ip;
  if (path == "status.podIP")
    return context.pod_ips.empty() ? std::string() : context.pod_ips.front();
  if (path == "status.podIPs") {
    std::string text;
    for (const auto& ip : context.pod_ips) text += (text.empty() ? "" : ",") + ip;
    return text;
  }
  return MakeError(Reason::kInvalid, "unsupported fieldPath: " + std::string(path));
}

Result<std::string> ResourceFieldRefValue(const api::core::v1::ResourceFieldSelector& selector,
                                          const api::core::v1::Container& container,
                                          const DownwardContext& context) {
  const std::string& path = selector.resource();
  const size_t dot = path.find('.');
  const std::string list = path.substr(0, dot);
  const std::string resource = dot == std::string::npos ? "" : path.substr(dot + 1);
  const bool known = resource == "cpu" || resource == "memory" || resource == "ephemeral-storage" ||
                     resource.starts_with("hugepages-");
  if ((list != "limits" && list != "requests") || !known)
    return MakeError(Reason::kInvalid, "unsupported container resource : " + path);

  const bool is_cpu = resource == "cpu";
  auto amount = [is_cpu](const api::meta::v1::Quantity& message) {
    const api::Quantity quantity = api::Quantity::From(message);
    return is_cpu ? quantity.MilliValue() : quantity.Value();
  };
  const auto& quantities =
      list == "limits" ? container.resources().limits() : container.resources().requests();
  int64_t value = 0;
  auto found = quantities.find(resource);
  if (found != quantities.end()) value = amount(found->second);
  if (value == 0 && list == "limits") {
    auto whole = context.allocatable.find(resource);
    if (whole != context.allocatable.end()) value = whole->second;
  }
  int64_t divisor = amount(selector.divisor());
  if (divisor == 0) divisor = is_cpu ? 1000 : 1;
  return std::to_string(CeilDivide(value, divisor));
}

}  // namespace wherry::nodeagent::volumes
