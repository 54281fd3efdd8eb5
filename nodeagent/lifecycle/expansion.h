#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace wherry::nodeagent::lifecycle {

using Environment = std::map<std::string, std::string>;

// Replaces each "$(NAME)" that `variables` knows; "$$" stands for "$", so that "$$(NAME)" stays
// text. References to unknown names stay as they are. Source: third_party/forked/golang/expansion.
std::string Expand(std::string_view text, const Environment& variables);
// The same; the first unknown name is appended to `missing`, once per name.
std::string Expand(std::string_view text, const Environment& variables,
                   std::vector<std::string>* missing);

}  // namespace wherry::nodeagent::lifecycle
