//! Registration of metrics under one namespace.

use prometheus::{
    Counter, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec,
    Opts, Registry, core::Collector,
};

/// Creates metrics and registers them. Its errors mean that two metrics have one name: a defect.
#[derive(Clone, Copy, Debug)]
pub(super) struct Registrar<'a> {
    pub(super) registry: &'a Registry,
    pub(super) namespace: &'static str,
}

type Registered<T> = Result<T, prometheus::Error>;

impl Registrar<'_> {
    fn opts(self, name: &str, help: &str) -> Opts {
        Opts::new(name, help).namespace(self.namespace)
    }

    fn add<C: Collector + Clone + 'static>(self, created: Registered<C>) -> Registered<C> {
        let metric = created?;
        self.registry.register(Box::new(metric.clone()))?;
        Ok(metric)
    }

    pub(super) fn counter(self, name: &str, help: &str) -> Registered<IntCounter> {
        self.add(IntCounter::with_opts(self.opts(name, help)))
    }

    pub(super) fn float_counter(self, name: &str, help: &str) -> Registered<Counter> {
        self.add(Counter::with_opts(self.opts(name, help)))
    }

    pub(super) fn counters(self, name: &str, help: &str, labels: &[&str]) -> Registered<IntCounterVec> {
        self.add(IntCounterVec::new(self.opts(name, help), labels))
    }

    pub(super) fn gauge(self, name: &str, help: &str) -> Registered<IntGauge> {
        self.add(IntGauge::with_opts(self.opts(name, help)))
    }

    pub(super) fn float_gauge(self, name: &str, help: &str) -> Registered<Gauge> {
        self.add(Gauge::with_opts(self.opts(name, help)))
    }

    pub(super) fn gauges(self, name: &str, help: &str, labels: &[&str]) -> Registered<IntGaugeVec> {
        self.add(IntGaugeVec::new(self.opts(name, help), labels))
    }

    pub(super) fn float_gauges(self, name: &str, help: &str, labels: &[&str]) -> Registered<GaugeVec> {
        self.add(GaugeVec::new(self.opts(name, help), labels))
    }

    pub(super) fn histogram(self, name: &str, help: &str, bounds: &[f64]) -> Registered<Histogram> {
        let opts = HistogramOpts::from(self.opts(name, help)).buckets(bounds.to_vec());
        self.add(Histogram::with_opts(opts))
    }

    /// With `bounds`, or Prometheus' default ones.
    pub(super) fn histograms(
        self,
        name: &str,
        help: &str,
        labels: &[&str],
        bounds: Option<&[f64]>,
    ) -> Registered<HistogramVec> {
        let opts = HistogramOpts::from(self.opts(name, help));
        let opts = match bounds {
            Some(bounds) => opts.buckets(bounds.to_vec()),
            None => opts,
        };
        self.add(HistogramVec::new(opts, labels))
    }
}

/// Raises a counter to a total that is counted elsewhere.
pub(super) fn raise_to(counter: &IntCounter, total: u64) {
    counter.inc_by(total.saturating_sub(counter.get()));
}

/// An unsigned value for a gauge.
pub(super) fn gauge_value(value: u64) -> i64 {
    value.try_into().unwrap_or(i64::MAX)
}
