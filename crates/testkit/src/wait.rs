//! Waiting for a fact instead of sleeping for a time.

use std::fmt;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How often a condition is looked at.
const POLL: Duration = Duration::from_millis(20);

/// Something did not come true in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimedOut {
    /// What was awaited, as the caller put it.
    pub what: String,
    /// How long it was awaited.
    pub waited: Duration,
}

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "waited {:?} in vain for {}", self.waited, self.what)
    }
}

impl std::error::Error for TimedOut {}

/// Polls `condition` every 20 ms until it gives a value; it is looked at once more when the time is over.
#[expect(
    clippy::disallowed_methods,
    reason = "what is awaited is outside this process and tells nobody when it comes"
)]
pub fn until<T>(timeout: Duration, what: &str, mut condition: impl FnMut() -> Option<T>) -> Result<T, TimedOut> {
    let start = Instant::now();
    loop {
        let waited = start.elapsed();
        if let Some(value) = condition() {
            return Ok(value);
        }
        if timeout <= waited {
            return Err(TimedOut {
                what: what.to_owned(),
                waited,
            });
        }
        sleep(POLL.min(timeout.saturating_sub(waited)));
    }
}

/// Lets `length` pass, where the length of a spell is what a test is about: a process that is stopped for so long.
#[expect(clippy::disallowed_methods, reason = "nothing is awaited")]
pub fn spell(length: Duration) {
    sleep(length);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_that_comes_true_gives_its_value() {
        let mut looks = 0;
        let seen = until(Duration::from_secs(5), "three looks", || {
            looks += 1;
            (looks == 3).then_some(looks)
        });
        assert_eq!(seen, Ok(3));
    }

    #[test]
    fn a_condition_that_stays_false_is_named_in_the_error() {
        let error = until(Duration::from_millis(30), "the sun at midnight", || None::<()>).unwrap_err();
        assert!(Duration::from_millis(30) <= error.waited);
        assert!(
            error.to_string().ends_with("in vain for the sun at midnight"),
            "{error}"
        );
    }

    #[test]
    fn no_time_at_all_still_means_one_look() {
        assert_eq!(
            until(Duration::ZERO, "what is already there", || Some("here")),
            Ok("here")
        );
    }
}
