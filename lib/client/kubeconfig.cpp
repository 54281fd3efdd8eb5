#include "lib/client/kubeconfig.h"

#include "lib/api/base64.h"

#include <yaml-cpp/yaml.h>

#include <fstream>
#include <sstream>

namespace wherry::client {
namespace {

Error Broken(const std::string& what) {
  return MakeError(Reason::kBadRequest, "read kubeconfig: " + what);
}

Result<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return ErrnoError(errno, "open '" + path + "'");
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

// Go's clientcmd resolves file names against the kubeconfig's own directory.
std::string Resolve(const std::string& directory, const std::string& path) {
  if (path.empty() || path.starts_with('/') || directory.empty()) return path;
  return directory + "/" + path;
}

// The text of a scalar member, "" when absent. Throws YAML::Exception for another type.
std::string Text(const YAML::Node& map, const char* key) {
  const YAML::Node node = map[key];
  return node && !node.IsNull() ? node.as<std::string>() : "";
}

// The entry called `name` in `list`, its member `member`: how kubeconfig nests everything.
Result<YAML::Node> Entry(const YAML::Node& root, const char* list, const char* member,
                         const std::string& name) {
  for (const YAML::Node& entry : root[list]) {
    if (Text(entry, "name") == name) return entry[member] ? entry[member] : YAML::Node();
  }
  return Broken(std::string("no '") + name + "' in " + list);
}

// `<key>-data` (base64), else the file that `<key>` names.
Result<std::string> DataOrFile(const YAML::Node& map, const std::string& key,
                               const std::string& directory) {
  const std::string data = Text(map, (key + "-data").c_str());
  if (!data.empty()) {
    auto decoded = api::DecodeBase64(data);
    if (!decoded.ok()) return Broken(key + "-data: " + decoded.error().message);
    return decoded;
  }
  const std::string path = Text(map, key.c_str());
  if (path.empty()) return std::string();
  return ReadFile(Resolve(directory, path));
}

Status ReadCluster(const YAML::Node& cluster, const std::string& directory, Kubeconfig& config) {
  config.server = Text(cluster, "server");
  if (config.server.empty()) return Broken("the cluster has no server");
  config.tls.server_name = Text(cluster, "tls-server-name");
  const YAML::Node insecure = cluster["insecure-skip-tls-verify"];
  config.tls.insecure = insecure && insecure.as<bool>();
  TRY(config.tls.ca_pem, DataOrFile(cluster, "certificate-authority", directory));
  if (!Text(cluster, "proxy-url").empty()) return Broken("proxy-url is not supported");
  return Ok();
}

Status ReadUser(const YAML::Node& user, const std::string& directory, Kubeconfig& config) {
  for (const char* unsupported : {"exec", "auth-provider", "username", "as"}) {
    if (user[unsupported]) return Broken(std::string(unsupported) + " is not supported");
  }
  TRY(config.tls.certificate_pem, DataOrFile(user, "client-certificate", directory));
  TRY(config.tls.key_pem, DataOrFile(user, "client-key", directory));
  config.token = Text(user, "token");
  config.token_file = Resolve(directory, Text(user, "tokenFile"));
  return Ok();
}

Result<Kubeconfig> Read(const YAML::Node& root, const std::string& directory,
                        std::string_view context_name) {
  if (!root.IsMap()) return Broken("not a map");
  const std::string name =
      context_name.empty() ? Text(root, "current-context") : std::string(context_name);
  if (name.empty()) return Broken("no current-context");
  TRY(const YAML::Node context, Entry(root, "contexts", "context", name));
  Kubeconfig config;
  config.ns = Text(context, "namespace");
  TRY(const YAML::Node cluster, Entry(root, "clusters", "cluster", Text(context, "cluster")));
  TRY_STATUS(ReadCluster(cluster, directory, config));
  const std::string user_name = Text(context, "user");
  if (user_name.empty()) return config;
  TRY(const YAML::Node user, Entry(root, "users", "user", user_name));
  TRY_STATUS(ReadUser(user, directory, config));
  return config;
}

void EmitData(YAML::Emitter& out, const char* key, const std::string& bytes) {
  if (bytes.empty()) return;
  std::string encoded;
  api::AppendBase64(encoded, bytes);
  out << YAML::Key << key << YAML::Value << encoded;
}

void EmitText(YAML::Emitter& out, const char* key, const std::string& text) {
  if (!text.empty()) out << YAML::Key << key << YAML::Value << YAML::DoubleQuoted << text;
}

}  // namespace

Result<Kubeconfig> ParseKubeconfig(std::string_view yaml, const std::string& directory,
                                   std::string_view context) {
  // yaml-cpp tells everything by exception.
  try {
    return Read(YAML::Load(std::string(yaml)), directory, context);
  } catch (const YAML::Exception& exception) {
    return Broken(exception.what());
  }
}

Result<Kubeconfig> LoadKubeconfig(const std::string& path, std::string_view context) {
  TRY(const std::string yaml, ReadFile(path));
  const size_t slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "" : path.substr(0, slash);
  auto config = ParseKubeconfig(yaml, directory, context);
  if (!config.ok()) return std::move(config).error().Wrap("'" + path + "'");
  return config;
}

std::string WriteKubeconfig(const Kubeconfig& config, const std::string& cluster_name,
                            const std::string& user_name) {
  const std::string context_name = user_name + "@" + cluster_name;
  YAML::Emitter out;
  out << YAML::BeginMap;
  out << YAML::Key << "apiVersion" << YAML::Value << "v1";
  out << YAML::Key << "kind" << YAML::Value << "Config";
  EmitText(out, "current-context", context_name);
  out << YAML::Key << "clusters" << YAML::Value << YAML::BeginSeq << YAML::BeginMap;
  EmitText(out, "name", cluster_name);
  out << YAML::Key << "cluster" << YAML::Value << YAML::BeginMap;
  EmitText(out, "server", config.server);
  EmitText(out, "tls-server-name", config.tls.server_name);
  if (config.tls.insecure) {
    out << YAML::Key << "insecure-skip-tls-verify" << YAML::Value << true;
  }
  EmitData(out, "certificate-authority-data", config.tls.ca_pem);
  out << YAML::EndMap << YAML::EndMap << YAML::EndSeq;
  out << YAML::Key << "contexts" << YAML::Value << YAML::BeginSeq << YAML::BeginMap;
  EmitText(out, "name", context_name);
  out << YAML::Key << "context" << YAML::Value << YAML::BeginMap;
  EmitText(out, "cluster", cluster_name);
  EmitText(out, "user", user_name);
  EmitText(out, "namespace", config.ns);
  out << YAML::EndMap << YAML::EndMap << YAML::EndSeq;
  out << YAML::Key << "users" << YAML::Value << YAML::BeginSeq << YAML::BeginMap;
  EmitText(out, "name", user_name);
  out << YAML::Key << "user" << YAML::Value << YAML::BeginMap;
  EmitData(out, "client-certificate-data", config.tls.certificate_pem);
  EmitData(out, "client-key-data", config.tls.key_pem);
  EmitText(out, "token", config.token);
  EmitText(out, "tokenFile", config.token_file);
  out << YAML::EndMap << YAML::EndMap << YAML::EndSeq;
  out << YAML::EndMap;
  return std::string(out.c_str()) + "\n";
}

}  // namespace wherry::client
