//! Points in time and spans of validity, to the nanosecond, without a clock.

use std::fmt;

/// A point in time (UTC): Unix seconds and nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time {
    /// Seconds since 1970-01-01T00:00:00Z.
    pub seconds: i64,
    /// Nanoseconds within the second, below 10^9.
    pub nanos: u32,
}

impl Time {
    /// A whole second.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self { seconds, nanos: 0 }
    }

    /// The present, from the system's clock: for the callers that need one; nothing in this crate's checks does.
    #[must_use]
    pub fn now() -> Self {
        let now = jiff::Timestamp::now();
        Self { seconds: now.as_second(), nanos: now.subsec_nanosecond().unsigned_abs() }
    }

    /// RFC 3339 text, as in trusted_root.json.
    #[must_use]
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let t: jiff::Timestamp = text.parse().ok()?;
        // Before 1970 jiff counts nanoseconds downwards.
        let nanos = t.subsec_nanosecond();
        Some(if nanos < 0 {
            Self {
                seconds: t.as_second().checked_sub(1)?,
                nanos: u32::try_from(nanos.checked_add(1_000_000_000)?).ok()?,
            }
        } else {
            Self { seconds: t.as_second(), nanos: u32::try_from(nanos).ok()? }
        })
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.nanos == 0 { write!(f, "{}", self.seconds) } else { write!(f, "{}.{:09}", self.seconds, self.nanos) }
    }
}

/// A span of time, both ends inclusive; an absent end is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Validity {
    /// The first moment.
    pub start: Option<Time>,
    /// The last moment.
    pub end: Option<Time>,
}

impl Validity {
    /// From one moment to another.
    #[must_use]
    pub const fn between(start: Time, end: Time) -> Self {
        Self { start: Some(start), end: Some(end) }
    }

    /// Whether `time` is within.
    #[must_use]
    pub fn contains(&self, time: Time) -> bool {
        self.start.is_none_or(|s| s <= time) && self.end.is_none_or(|e| time <= e)
    }

    /// What is within both; `None` when nothing is.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Option<Self> {
        let start = match (self.start, other.start) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        };
        let end = match (self.end, other.end) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        match (start, end) {
            (Some(s), Some(e)) if s > e => None,
            _ => Some(Self { start, end }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc3339_keeps_fractions() {
        let t = Time::parse_rfc3339("2022-12-31T23:59:59.999Z");
        assert_eq!(t, Some(Time { seconds: 1_672_531_199, nanos: 999_000_000 }));
        assert_eq!(Time::parse_rfc3339("1969-12-31T23:59:59.5Z"), Some(Time { seconds: -1, nanos: 500_000_000 }));
        assert_eq!(Time::parse_rfc3339("yesterday"), None);
    }

    #[test]
    fn ends_are_inclusive() {
        let v = Validity::between(Time::from_seconds(10), Time::from_seconds(20));
        assert!(v.contains(Time::from_seconds(10)) && v.contains(Time::from_seconds(20)));
        assert!(!v.contains(Time { seconds: 20, nanos: 1 }) && !v.contains(Time::from_seconds(9)));
        assert_eq!(v.intersect(&Validity { start: Some(Time::from_seconds(21)), end: None }), None);
    }
}
