//! Service of known distribution, for scripts: how long a record takes, and when a queue of records is done.

use tribunal_model::seed::{SplitMix64, ln};

/// How long one record takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Service {
    /// Always as many nanoseconds.
    Constant(i64),
    /// Exponential with this mean in nanoseconds.
    Exponential(f64),
    /// Pareto with this mean in nanoseconds and this shape above 1; its variance is finite above 2.
    Pareto(f64, f64),
}

impl Service {
    /// One record's nanoseconds.
    pub fn draw(self, random: &mut SplitMix64) -> i64 {
        match self {
            Self::Constant(nanoseconds) => nanoseconds,
            Self::Exponential(mean) => (-ln(random.next_unit()) * mean) as i64,
            Self::Pareto(mean, shape) => {
                let least = mean * (shape - 1.0) / shape;
                (least * (-ln(random.next_unit()) / shape).exp()) as i64
            }
        }
    }
}

/// Servers that stand still in some spells, and one server that serves one record after the other.
#[derive(Clone, Debug, Default)]
pub struct Server {
    /// Spells `[from, to)` in which nothing is served, ascending.
    pub stalls: Vec<(i64, i64)>,
    free: i64,
}

impl Server {
    /// A server that stands still in these spells.
    pub fn stalled(stalls: &[(i64, i64)]) -> Self {
        Self {
            stalls: stalls.to_vec(),
            free: 0,
        }
    }

    /// When a record that comes at `at` and takes `service` is done, where there is a server for each.
    pub fn alone(&self, at: i64, service: i64) -> i64 {
        self.stalls.iter().fold(at + service, |done, (from, to)| {
            if *from < done && at < *to {
                done + to - from.max(&at)
            } else {
                done
            }
        })
    }

    /// When it is done where there is one server for all; records come in ascending order.
    pub fn queued(&mut self, at: i64, service: i64) -> i64 {
        self.free = self.alone(at.max(self.free), service);
        self.free
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_as_said() {
        let mut random = SplitMix64::new(3);
        for service in [
            Service::Constant(5_000),
            Service::Exponential(5_000.0),
            Service::Pareto(5_000.0, 3.0),
        ] {
            let sum: i64 = (0..200_000).map(|_| service.draw(&mut random)).sum();
            assert!((sum as f64 / 200_000.0 / 5_000.0 - 1.0).abs() < 0.02, "{service:?}");
        }
    }

    #[test]
    fn a_stalled_server_goes_on_where_it_stopped() {
        let mut server = Server::stalled(&[(100, 200)]);
        assert_eq!(server.alone(50, 10), 60);
        assert_eq!(server.alone(95, 10), 205);
        assert_eq!(server.alone(150, 10), 210);
        assert_eq!(
            [(90, 15), (95, 10), (300, 1)].map(|(at, service)| server.queued(at, service)),
            [205, 215, 301]
        );
    }
}
