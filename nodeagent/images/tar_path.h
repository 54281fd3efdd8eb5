#pragma once

#include "lib/base/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace wherry::nodeagent::images {

// Where a layer's entry belongs.
struct TarPath {
  // Components below the layer's root; none is "", "." or "..", none holds '/' or NUL. Empty is the
  // root itself.
  std::vector<std::string> components;
  std::string parent() const;  // "usr/lib", "" at the root
  std::string name() const;    // the last component, "" for the root
};

// Makes an entry's path relative and clean. Errors: kInvalid when ".." leaves the root, or it is
// longer than PATH_MAX or holds NUL.
Result<TarPath> CleanTarPath(std::string_view path);

// What a name says about lower layers. Source: OCI image-spec layer.md "Whiteouts".
enum class WhiteoutKind {
  kNone,
  kRemove,  // ".wh.NAME": NAME of lower layers is gone
  kOpaque,  // ".wh..wh..opq": everything lower layers have in this directory is gone
  kIgnore,  // other ".wh..wh." names are bookkeeping of aufs
};
struct Whiteout {
  WhiteoutKind kind = WhiteoutKind::kNone;
  std::string name;  // of kRemove
};
// Errors: kInvalid for a whiteout of "", "." or "..".
Result<Whiteout> ParseWhiteout(std::string_view name);

}  // namespace wherry::nodeagent::images
