//! What came of all mutants.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::explain::Class;
use crate::mutate::Mutant;

#[derive(Default)]
pub(crate) struct Report {
    mutants: usize,
    verified: usize,
    classes: BTreeMap<Class, usize>,
    codes: BTreeMap<&'static str, usize>,
    /// Of each operator, how many mutants it had a part in, and how many of those verified.
    operators: BTreeMap<&'static str, (usize, usize)>,
    times: Vec<Duration>,
    /// The slowest, and what was done to it.
    slowest: Vec<(Duration, String)>,
    complaints: Vec<String>,
}

impl Report {
    pub(crate) fn count(
        &mut self,
        mutant: &Mutant,
        judged: Option<Result<BTreeSet<Class>, &'static str>>,
        complaint: Option<String>,
        time: Duration,
    ) {
        self.mutants += 1;
        self.times.push(time);
        self.slowest.push((time, format!("{:?}", mutant.how)));
        self.keep_slowest();
        self.complaints.extend(complaint);
        let verified = matches!(judged, Some(Ok(_)));
        self.verified += usize::from(verified);
        for (operator, _) in &mutant.how {
            let (all, accepted) = self.operators.entry(operator).or_default();
            *all += 1;
            *accepted += usize::from(verified);
        }
        match judged {
            Some(Ok(classes)) => classes.into_iter().for_each(|class| *self.classes.entry(class).or_default() += 1),
            Some(Err(code)) => *self.codes.entry(code).or_default() += 1,
            None => {}
        }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.mutants += other.mutants;
        self.verified += other.verified;
        other.classes.into_iter().for_each(|(class, n)| *self.classes.entry(class).or_default() += n);
        other.codes.into_iter().for_each(|(code, n)| *self.codes.entry(code).or_default() += n);
        for (operator, (all, accepted)) in other.operators {
            let sum = self.operators.entry(operator).or_default();
            *sum = (sum.0 + all, sum.1 + accepted);
        }
        self.times.extend(other.times);
        self.slowest.extend(other.slowest);
        self.keep_slowest();
        self.complaints.extend(other.complaints);
    }

    fn keep_slowest(&mut self) {
        self.slowest.sort_by_key(|(time, _)| std::cmp::Reverse(*time));
        self.slowest.truncate(3);
    }

    pub(crate) fn print_briefly(&self, what: &str) {
        let slowest = self.slowest.first().map(|(time, _)| *time).unwrap_or_default();
        eprintln!(
            "{what}: {} made, {} verified, the slowest in {slowest:?}; {:?}",
            self.mutants, self.verified, self.codes
        );
    }

    pub(crate) fn print(&self, what: &str) {
        let mut times = self.times.clone();
        times.sort_unstable();
        let at =
            |percent: usize| times.get((times.len() * percent / 100).min(times.len() - 1)).copied().unwrap_or_default();
        eprintln!("\n{what}: {} mutants, {} verified", self.mutants, self.verified);
        eprintln!("time: half within {:?}, 99% within {:?}, all within {:?}", at(50), at(99), at(100));
        self.slowest.iter().for_each(|(time, how)| eprintln!("  {time:?}: {how}"));
        eprintln!("\nverified, by class:");
        for class in Class::ALL {
            let count = self.classes.get(class).copied().unwrap_or(0);
            eprintln!("{count:9}  {:24} {}", format!("{class:?}"), class.why());
        }
        eprintln!("\nrefused, by code:");
        self.codes.iter().for_each(|(code, count)| eprintln!("{count:9}  {code}"));
        eprintln!("\noperators: mutants, of them verified:");
        self.operators.iter().for_each(|(name, (all, verified))| eprintln!("{all:9} {verified:9}  {name}"));
    }

    pub(crate) fn assert_sound(&self) {
        const SHOWN: usize = 20;
        let shown: Vec<_> = self.complaints.iter().take(SHOWN).map(String::as_str).collect();
        assert!(shown.is_empty(), "{} findings:\n  {}", self.complaints.len(), shown.join("\n  "));
    }

    /// A class that never occurs is not known to be needed.
    pub(crate) fn assert_every_class_occurs(&self) {
        let idle: Vec<_> = Class::ALL.iter().filter(|class| !self.classes.contains_key(class)).collect();
        assert!(idle.is_empty(), "classes without a mutant: {idle:?}");
    }
}
