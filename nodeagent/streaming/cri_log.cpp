#include "nodeagent/streaming/cri_log.h"

namespace wherry::nodeagent::streaming {

std::optional<LogLine> ParseLogLine(std::string_view line) {
  LogLine parsed;
  std::string_view tag;
  for (std::string_view* field : {&parsed.time, &parsed.stream, &tag}) {
    const size_t space = line.find(' ');
    if (space == std::string_view::npos) return std::nullopt;
    *field = line.substr(0, space);
    line.remove_prefix(space + 1);
  }
  if (parsed.stream != "stdout" && parsed.stream != "stderr") return std::nullopt;
  if (tag.empty()) return std::nullopt;
  parsed.partial = tag == "P" || tag.starts_with("P:");
  parsed.text = line;
  return parsed;
}

std::string NormalizeTime(std::string_view time) {
  if (!time.ends_with('Z')) return std::string(time);
  std::string text(time.substr(0, time.size() - 1));
  const size_t dot = text.find('.');
  if (dot == std::string::npos) text += '.';
  const size_t digits = dot == std::string::npos ? 0 : text.size() - dot - 1;
  if (digits < 9) text.append(9 - digits, '0');
  return text + "Z";
}

void LogFilter::Add(std::string_view line, std::string* out) {
  const std::optional<LogLine> parsed = ParseLogLine(line);
  if (!parsed || full()) return;
  if (!options_.since.empty() && NormalizeTime(parsed->time) < options_.since) return;
  const size_t before = out->size();
  if (options_.timestamps && !in_line_) {
    out->append(parsed->time);
    out->push_back(' ');
  }
  out->append(parsed->text);
  if (!parsed->partial) out->push_back('\n');
  in_line_ = parsed->partial;
  const auto added = static_cast<int64_t>(out->size() - before);
  if (options_.limit_bytes && sent_ + added > *options_.limit_bytes)
    out->resize(before + static_cast<size_t>(*options_.limit_bytes - sent_));
  sent_ += added;
}

size_t TailOffset(std::string_view text, int64_t lines) {
  if (lines <= 0) return text.size();
  size_t end = text.size();
  if (end > 0 && text[end - 1] == '\n') --end;
  while (lines > 0) {
    const size_t newline = end == 0 ? std::string_view::npos : text.rfind('\n', end - 1);
    if (newline == std::string_view::npos) return 0;
    end = newline;
    // Entries marked P belong to the line that follows.
    const size_t begin_of_previous =
        newline == 0 ? std::string_view::npos : text.rfind('\n', newline - 1);
    const size_t start = begin_of_previous == std::string_view::npos ? 0 : begin_of_previous + 1;
    const std::optional<LogLine> previous = ParseLogLine(text.substr(start, newline - start));
    if (!previous || !previous->partial) --lines;
  }
  return end + 1;
}

}  // namespace wherry::nodeagent::streaming
