#include "nodeagent/images/tar_path.h"

namespace wherry::nodeagent::images {
namespace {

constexpr size_t kPathBytesMax = 4096;
constexpr size_t kNameBytesMax = 255;

}  // namespace

std::string TarPath::parent() const {
  std::string path;
  for (size_t i = 0; i + 1 < components.size(); ++i) path += (i == 0 ? "" : "/") + components[i];
  return path;
}

std::string TarPath::name() const { return components.empty() ? "" : components.back(); }

Result<TarPath> CleanTarPath(std::string_view path) {
  auto bad = [&](const char* why) {
    return MakeError(Reason::kInvalid,
                     "layer entry '" + std::string(path.substr(0, 200)) + "' " + why);
  };
  if (path.size() >= kPathBytesMax) return bad("has too long a path");
  if (path.find('\0') != std::string_view::npos) return bad("has a NUL in its path");
  TarPath clean;
  for (std::string_view rest = path; !rest.empty();) {
    std::string_view component = rest.substr(0, rest.find('/'));
    rest.remove_prefix(std::min(component.size() + 1, rest.size()));
    if (component.empty() || component == ".") continue;
    if (component == "..") {
      if (clean.components.empty()) return bad("leaves the layer");
      clean.components.pop_back();
      continue;
    }
    if (component.size() > kNameBytesMax) return bad("has too long a name");
    clean.components.emplace_back(component);
  }
  return clean;
}

Result<Whiteout> ParseWhiteout(std::string_view name) {
  constexpr std::string_view kPrefix = ".wh.";
  if (!name.starts_with(kPrefix)) return Whiteout{};
  if (name == ".wh..wh..opq") return Whiteout{.kind = WhiteoutKind::kOpaque};
  if (name.starts_with(".wh..wh.")) return Whiteout{.kind = WhiteoutKind::kIgnore};
  std::string_view target = name.substr(kPrefix.size());
  if (target.empty() || target == "." || target == "..") {
    return MakeError(Reason::kInvalid, "layer has the whiteout '" + std::string(name) + "'");
  }
  return Whiteout{.kind = WhiteoutKind::kRemove, .name = std::string(target)};
}

}  // namespace wherry::nodeagent::images
