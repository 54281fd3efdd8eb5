#include "lib/telemetry/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace wherry::telemetry {

void Counter::Increment(double by) { counter_->Increment(by); }
double Counter::Value() const { return counter_->Value(); }
void Gauge::Set(double value) { gauge_->Set(value); }
void Gauge::Add(double by) { gauge_->Increment(by); }
double Gauge::Value() const { return gauge_->Value(); }
void Histogram::Observe(double value) { histogram_->Observe(value); }

struct Registry::Impl {
  prometheus::Registry registry{prometheus::Registry::InsertBehavior::Merge};
  std::vector<std::function<void()>> collectors;
};

Registry::Registry() : impl_(std::make_unique<Impl>()) {}
Registry::~Registry() = default;

Counter Registry::CounterAt(const std::string& name, const std::string& help,
                            const Labels& labels) {
  auto& family = prometheus::BuildCounter().Name(name).Help(help).Register(impl_->registry);
  return Counter(family.Add(labels));
}

Gauge Registry::GaugeAt(const std::string& name, const std::string& help, const Labels& labels) {
  auto& family = prometheus::BuildGauge().Name(name).Help(help).Register(impl_->registry);
  return Gauge(family.Add(labels));
}

Histogram Registry::HistogramAt(const std::string& name, const std::string& help,
                                const std::vector<double>& buckets, const Labels& labels) {
  auto& family = prometheus::BuildHistogram().Name(name).Help(help).Register(impl_->registry);
  return Histogram(family.Add(labels, buckets));
}

void Registry::OnCollect(std::function<void()> collect) {
  impl_->collectors.push_back(std::move(collect));
}

std::string Registry::Expose() {
  for (const auto& collect : impl_->collectors) collect();
  const prometheus::TextSerializer serializer;
  return serializer.Serialize(impl_->registry.Collect());
}

Registry& DefaultRegistry() {
  static Registry registry;
  return registry;
}

}  // namespace wherry::telemetry
