//! A subset of the combinations in which every pair of levels of two factors occurs.
//!
//! Greedy, after Cohen, Dalal, Fredman and Patton, "The AETG system" (IEEE TSE 23(7), 1997): of a few random
//! candidates, each built around a pair that is still missing, the one with the most missing pairs becomes a cell. Not
//! the smallest subset, but near it. Exclusions are kept by depth-first search; a pair that no combination may have is
//! no longer missing.

use crate::plan::Exclusion;
use crate::seed::{self, SplitMix64};

/// More pairs than this are refused.
const MOST_PAIRS: usize = 1_000_000;

/// Candidates for each cell where there are few pairs.
const CANDIDATES: usize = 20;

/// Candidates times pairs, about: keeps the work of large designs within a second.
const WORK: usize = 100_000;

/// Levels tried for one candidate before the exclusions are called too intricate.
const PATIENCE: u32 = 200_000;

/// Sets this use of the plan's seed apart from others.
const PAIRS: u64 = u64::from_le_bytes(*b"pairwise");

/// Why there is no such subset.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Error {
    #[error("make {0} pairs of levels; at most {MOST_PAIRS} are possible with design.kind = \"pairwise\"")]
    TooManyPairs(usize),
    #[error("leaves too few combinations to find them; use design.kind = \"full\"")]
    Intricate,
}

/// The cells as level indices, in no order; the first combination that exclusions allow is among them. Empty where they
/// allow none.
pub(super) fn cells(counts: &[usize], exclude: &[Exclusion], seed: u64) -> Result<Vec<Vec<usize>>, Error> {
    let mut missing = Missing::new(counts)?;
    let mut random = SplitMix64::new(seed::derive(&[seed, PAIRS]));
    let mut builder = Builder {
        counts,
        exclude,
        patience: 0,
    };
    let candidates = (WORK / missing.pairs.len().max(1)).clamp(1, CANDIDATES);
    let Some(first) = builder.complete(vec![None; counts.len()], None)? else {
        return Ok(Vec::new());
    };
    let mut cells = vec![first];
    missing.strike(&cells[0]);
    while missing.any() {
        let mut best: Option<(usize, Vec<usize>)> = None;
        for _ in 0..candidates {
            let Some(pair) = missing.pick(&mut random) else {
                break;
            };
            let mut start = vec![None; counts.len()];
            start[pair.0.0] = Some(pair.0.1);
            start[pair.1.0] = Some(pair.1.1);
            match builder.complete(start, Some((&missing, &mut random)))? {
                Some(cell) => {
                    let gain = missing.gain_of(&cell);
                    if best.as_ref().is_none_or(|(most, _)| gain > *most) {
                        best = Some((gain, cell));
                    }
                }
                None => missing.remove(pair.0, pair.1),
            }
        }
        if let Some((_, cell)) = best {
            missing.strike(&cell);
            cells.push(cell);
        }
    }
    Ok(cells)
}

/// A factor's index and a level's.
type Level = (usize, usize);

/// The pairs that no cell has yet.
struct Missing<'a> {
    counts: &'a [usize],
    /// Where the pairs of factors i < j begin in `is`, at i × factors + j.
    starts: Vec<usize>,
    is: Vec<bool>,
    /// Pairs that may be missing; those that are not are dropped when they are come across.
    pairs: Vec<(Level, Level)>,
}

impl<'a> Missing<'a> {
    fn new(counts: &'a [usize]) -> Result<Self, Error> {
        let factors = counts.len();
        let sum: usize = counts.iter().sum();
        let squares: usize = counts.iter().map(|count| count * count).sum();
        let all = (sum * sum - squares) / 2;
        if all > MOST_PAIRS {
            return Err(Error::TooManyPairs(all));
        }
        let (mut starts, mut pairs) = (vec![0; factors * factors], Vec::with_capacity(all));
        for i in 0..factors {
            for j in i + 1..factors {
                starts[i * factors + j] = pairs.len();
                let levels = (0..counts[i]).flat_map(|a| (0..counts[j]).map(move |b| ((i, a), (j, b))));
                pairs.extend(levels);
            }
        }
        Ok(Self {
            counts,
            starts,
            is: vec![true; all],
            pairs,
        })
    }

    fn place(&self, a: Level, b: Level) -> usize {
        let ((i, a), (j, b)) = if a.0 < b.0 { (a, b) } else { (b, a) };
        self.starts[i * self.counts.len() + j] + a * self.counts[j] + b
    }

    fn has(&self, a: Level, b: Level) -> bool {
        self.is[self.place(a, b)]
    }

    fn remove(&mut self, a: Level, b: Level) {
        let place = self.place(a, b);
        self.is[place] = false;
    }

    fn any(&mut self) -> bool {
        while let Some((a, b)) = self.pairs.last() {
            if self.has(*a, *b) {
                return true;
            }
            self.pairs.pop();
        }
        false
    }

    /// A missing pair at random.
    fn pick(&mut self, random: &mut SplitMix64) -> Option<(Level, Level)> {
        while !self.pairs.is_empty() {
            let place = random.below(self.pairs.len() as u64) as usize;
            let (a, b) = self.pairs[place];
            if self.has(a, b) {
                return Some((a, b));
            }
            self.pairs.swap_remove(place);
        }
        None
    }

    /// Missing pairs of a level with the levels that are set.
    fn gain(&self, level: Level, set: &[Option<usize>]) -> usize {
        let others = set.iter().enumerate();
        let others = others.filter_map(|(factor, other)| Some((factor, (*other)?)));
        others
            .filter(|other| other.0 != level.0 && self.has(level, *other))
            .count()
    }

    fn gain_of(&self, cell: &[usize]) -> usize {
        pairs_of(cell).filter(|(a, b)| self.has(*a, *b)).count()
    }

    fn strike(&mut self, cell: &[usize]) {
        for (a, b) in pairs_of(cell) {
            self.remove(a, b);
        }
    }
}

fn pairs_of(cell: &[usize]) -> impl Iterator<Item = (Level, Level)> {
    let level = |factor: usize| (factor, cell[factor]);
    (0..cell.len()).flat_map(move |i| (i + 1..cell.len()).map(move |j| (level(i), level(j))))
}

/// The levels of a factor in the order in which they are tried: of how many, of which factor, beside which set ones.
type Levels<'l> = dyn FnMut(usize, usize, &[Option<usize>]) -> Vec<usize> + 'l;

/// Completes combinations so that no exclusion covers them.
struct Builder<'a> {
    counts: &'a [usize],
    exclude: &'a [Exclusion],
    /// Levels that may still be tried for this combination.
    patience: u32,
}

impl Builder<'_> {
    /// The levels that are set with levels for the other factors: the first allowed ones in written order, or, given
    /// what is missing, those with the most missing pairs. `None` where no combination is allowed.
    fn complete(
        &mut self,
        mut set: Vec<Option<usize>>,
        guide: Option<(&Missing<'_>, &mut SplitMix64)>,
    ) -> Result<Option<Vec<usize>>, Error> {
        if self.barred(&set) {
            return Ok(None);
        }
        let mut order: Vec<usize> = (0..set.len()).filter(|factor| set[*factor].is_none()).collect();
        self.patience = PATIENCE;
        let found = match guide {
            None => self.descend(&mut set, &order, &mut |count, _, _| (0..count).collect())?,
            Some((missing, random)) => {
                random.shuffle(&mut order);
                let mut best_first = |count: usize, factor: usize, set: &[Option<usize>]| {
                    let mut levels: Vec<usize> = (0..count).collect();
                    random.shuffle(&mut levels);
                    levels.sort_by_cached_key(|level| std::cmp::Reverse(missing.gain((factor, *level), set)));
                    levels
                };
                self.descend(&mut set, &order, &mut best_first)?
            }
        };
        Ok(found.then(|| set.into_iter().flatten().collect()))
    }

    /// Sets the factors of `order` one after the other, each to the first of the levels that `levels` names with which
    /// the rest can be set too.
    fn descend(
        &mut self,
        set: &mut Vec<Option<usize>>,
        order: &[usize],
        levels: &mut Levels<'_>,
    ) -> Result<bool, Error> {
        let Some((factor, rest)) = order.split_first() else {
            return Ok(true);
        };
        for level in levels(self.counts[*factor], *factor, set) {
            self.patience = self.patience.checked_sub(1).ok_or(Error::Intricate)?;
            set[*factor] = Some(level);
            if !self.barred(set) && self.descend(set, rest, levels)? {
                return Ok(true);
            }
        }
        set[*factor] = None;
        Ok(false)
    }

    /// Whether an exclusion covers what is set already, whatever the other levels.
    fn barred(&self, set: &[Option<usize>]) -> bool {
        let covered = |(factor, levels): &(usize, Vec<usize>)| {
            set.get(*factor)
                .copied()
                .flatten()
                .is_some_and(|level| levels.contains(&level))
        };
        self.exclude
            .iter()
            .any(|exclusion| exclusion.levels.iter().all(covered))
    }
}
