#include "lib/linux/iptables_save.h"

#include <algorithm>

namespace wherry::linux {
namespace {

// Up to the first space.
std::string_view Word(std::string_view text) { return text.substr(0, text.find(' ')); }

void ReadLine(std::string_view line, const std::function<bool(std::string_view)>& ours,
              std::string& table, IptablesSave& present) {
  if (line.starts_with("*")) table = line.substr(1);
  if (table.empty()) return;
  if (line.starts_with(":")) {
    const std::string_view chain = Word(line.substr(1));
    if (ours(chain)) present.chains[table][std::string(chain)] = 0;
  }
  if (!line.starts_with("-A ")) return;
  const std::string_view chain = Word(line.substr(3));
  if (ours(chain)) {
    ++present.chains[table][std::string(chain)];
    return;
  }
  line.remove_prefix(std::min(line.size(), 4 + chain.size()));
  if (const std::string_view target = TargetOf(line); !target.empty() && ours(target)) {
    present.jumps.push_back(
        {.table = table, .chain = std::string(chain), .rule = std::string(line)});
  }
}

}  // namespace

IptablesSave ParseIptablesSave(std::string_view save,
                               const std::function<bool(std::string_view)>& ours) {
  IptablesSave present;
  std::string table;
  while (!save.empty()) {
    const std::string_view line = save.substr(0, save.find('\n'));
    ReadLine(line, ours, table, present);
    save.remove_prefix(std::min(save.size(), line.size() + 1));
  }
  return present;
}

std::string_view TargetOf(std::string_view rule) {
  bool quoted = false;
  for (size_t at = 0; at < rule.size(); ++at) {
    if (quoted && rule[at] == '\\') {
      ++at;
    } else if (rule[at] == '"') {
      quoted = !quoted;
    } else if (!quoted && (at == 0 || rule[at - 1] == ' ') && rule.substr(at).starts_with("-j ")) {
      return Word(rule.substr(at + 3));
    }
  }
  return {};
}

bool HasJump(const std::vector<IptablesJump>& jumps, const IptablesJump& jump) {
  return std::any_of(jumps.begin(), jumps.end(), [&jump](const IptablesJump& other) {
    return other.table == jump.table && other.chain == jump.chain &&
           TargetOf(other.rule) == TargetOf(jump.rule);
  });
}

}  // namespace wherry::linux
