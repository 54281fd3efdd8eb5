#include "cli/node_name.h"

#include "cli/files.h"
#include "cli/process.h"
#include "lib/api/validation.h"

#include <unistd.h>

#include <cerrno>

namespace wherry::cli {
namespace {

std::string PathOf(const std::string& data_dir) { return data_dir + "/node.name"; }

}  // namespace

Result<std::string> RememberedNodeName(const std::string& data_dir) {
  if (!FileExists(PathOf(data_dir))) return std::string();
  return ReadFile(PathOf(data_dir));
}

Status RememberNodeName(const std::string& data_dir, const std::string& name) {
  TRY(const std::string known, RememberedNodeName(data_dir));
  return known == name ? Ok() : WriteFile(PathOf(data_dir), name);
}

Status ForgetNodeName(const std::string& data_dir) {
  const std::string path = PathOf(data_dir);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return ErrnoError(errno, "remove '" + path + "'");
  }
  return Ok();
}

Result<std::string> ChooseNodeName(const std::string& data_dir, const std::string& given) {
  TRY(const std::string known, RememberedNodeName(data_dir));
  if (!known.empty() && !given.empty() && known != given) {
    return MakeError(Reason::kConflict, "the data directory '" + data_dir + "' is of the node '" +
                                            known + "', not of '" + given +
                                            "'; leave --node-name out, or give another --data-dir");
  }
  if (!known.empty()) return known;
  std::string name = given.empty() ? HostName() : given;
  auto reasons = api::IsDNS1123Subdomain(name);
  if (reasons.empty()) reasons = api::IsValidLabelValue(name);
  if (reasons.empty()) return name;
  return MakeError(Reason::kBadRequest, (given.empty() ? "the host's name '" : "--node-name '") +
                                            name + "' cannot be a node's" +
                                            (given.empty() ? " (give --node-name): " : ": ") +
                                            reasons.front());
}

}  // namespace wherry::cli
