#include "scheduler/framework/plugin.h"

#include <algorithm>

namespace wherry::scheduler::framework {

void NormalizeByMaximum(std::span<int64_t> scores, bool reverse) {
  const int64_t maximum = scores.empty() ? 0 : *std::max_element(scores.begin(), scores.end());
  for (int64_t& score : scores) {
    if (maximum == 0) {
      score = reverse ? kMaxNodeScore : 0;
      continue;
    }
    score = score * kMaxNodeScore / maximum;
    if (reverse) score = kMaxNodeScore - score;
  }
}

}  // namespace wherry::scheduler::framework
