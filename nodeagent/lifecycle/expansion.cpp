#include "nodeagent/lifecycle/expansion.h"

#include <algorithm>

namespace wherry::nodeagent::lifecycle {

std::string Expand(std::string_view text, const Environment& variables) {
  return Expand(text, variables, nullptr);
}

std::string Expand(std::string_view text, const Environment& variables,
                   std::vector<std::string>* missing) {
  std::string expanded;
  size_t position = 0;
  while (position < text.size()) {
    if (text[position] != '$' || position + 1 == text.size()) {
      expanded += text[position++];
      continue;
    }
    const char next = text[position + 1];
    if (next == '$') {
      expanded += '$';
      position += 2;
      continue;
    }
    const size_t close = next == '(' ? text.find(')', position + 2) : std::string_view::npos;
    if (close == std::string_view::npos) {
      expanded += '$';
      expanded += next;
      position += 2;
      continue;
    }
    const std::string name(text.substr(position + 2, close - position - 2));
    auto found = variables.find(name);
    if (found != variables.end()) {
      expanded += found->second;
    } else {
      expanded += text.substr(position, close - position + 1);
      if (missing && std::find(missing->begin(), missing->end(), name) == missing->end())
        missing->push_back(name);
    }
    position = close + 1;
  }
  return expanded;
}

}  // namespace wherry::nodeagent::lifecycle
