#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace prometheus {
class Counter;
class Gauge;
class Histogram;
}  // namespace prometheus

// Counters, gauges and histograms as Prometheus scrapes them. Any thread. Names follow upstream's
// where one exists, so that existing dashboards work. Look a time series up once (At) and keep it:
// the lookup hashes labels, the update is an atomic add.
namespace wherry::telemetry {

using Labels = std::map<std::string, std::string>;

// Handles: cheap to copy, valid as long as their Registry.
class Counter {
 public:
  explicit Counter(prometheus::Counter& counter) : counter_(&counter) {}
  void Increment(double by = 1);  // by >= 0
  double Value() const;

 private:
  prometheus::Counter* counter_;
};

class Gauge {
 public:
  explicit Gauge(prometheus::Gauge& gauge) : gauge_(&gauge) {}
  void Set(double value);
  void Add(double by);
  double Value() const;

 private:
  prometheus::Gauge* gauge_;
};

class Histogram {
 public:
  explicit Histogram(prometheus::Histogram& histogram) : histogram_(&histogram) {}
  void Observe(double value);

 private:
  prometheus::Histogram* histogram_;
};

class Registry {
 public:
  Registry();
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  // The time series `name{labels}`, made at first use. One name has one type and one help text.
  Counter CounterAt(const std::string& name, const std::string& help, const Labels& labels = {});
  Gauge GaugeAt(const std::string& name, const std::string& help, const Labels& labels = {});
  // `buckets` are upper bounds, ascending; the first use of a name decides them.
  Histogram HistogramAt(const std::string& name, const std::string& help,
                        const std::vector<double>& buckets, const Labels& labels = {});
  // Runs `collect` before each exposition: for values that are read, not counted (queue lengths,
  // RSS).
  void OnCollect(std::function<void()> collect);

  // Text exposition format 0.0.4.
  std::string Expose();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The registry of this process.
Registry& DefaultRegistry();

inline constexpr std::string_view kExpositionContentType =
    "text/plain; version=0.0.4; charset=utf-8";

}  // namespace wherry::telemetry
