//! Recorded rates: points in the plan, or a file that becomes points before the plan travels.

use std::time::Duration;

use super::profile::Pieces;
use super::reader::{Item, Section};
use super::tree::{self, Raw};
use super::{Error, Origin, Override, Plan};
use crate::profile::{After, Segment};
use crate::trial::RecordRate;
use crate::units::{self, format_duration, format_record_rate};

/// The key that a file's content is set under.
const POINTS: &str = "workload.profile.points";
const FILE: &str = "workload.profile.file";

/// Enough for hours by the second, little enough to travel in every message about a trial.
const MOST_POINTS: usize = 10_000;

/// How long the segment is that stands for the last point's rate, which is held.
const HELD: Duration = Duration::from_secs(1);

const BETWEEN: [(&str, bool); 2] = [("steps", false), ("linear", true)];

/// The points of a replay: times from zero on, ascending, with their rates.
pub(super) fn read(section: &Section<'_>, profile: &Item<'_>) -> Result<Pieces, Error> {
    let linear = section.or("between", false, |item| item.choice(&BETWEEN))?;
    let (points, file) = (section.get("points"), section.get("file"));
    let Some(item) = points else {
        return Err(match file {
            Some(file) => file.error(
                "is read by the command line only; here the rates have to stand in the plan: points = [[\"0s\", \
                 \"10k/s\"], ...]",
            ),
            None => profile.error(
                "points or file is required; write for example points = [[\"0s\", \"10k/s\"], [\"10s\", \"12k/s\"]]",
            ),
        });
    };
    let replaced = matches!(item.origin(), Origin::Override(_));
    if let Some(file) = file.as_ref().filter(|_| !replaced) {
        return Err(file.error(format!("is set beside {POINTS}; keep one of the two")));
    }
    let points = read_points(&item)?;
    let mut segments = Vec::with_capacity(points.len());
    for pair in points.windows(2) {
        let [(start, rate), (end, next)] = [pair[0], pair[1]];
        segments.push(Segment::new(
            end.saturating_sub(start),
            rate,
            if linear { next } else { rate },
        ));
    }
    let (length, last) = points.last().copied().unwrap_or_default();
    segments.push(Segment::new(HELD, last, last));
    let name = file.map_or(Ok("points".to_owned()), |file| file.text().map(units::quoted))?;
    let text = format!(
        "replay of {name}: {} {} over {}, up to {}",
        points.len(),
        if linear { "points joined by lines" } else { "steps" },
        format_duration(length),
        format_record_rate(points.iter().map(|(_, rate)| *rate).max().unwrap_or_default())
    );
    Ok((segments, After::Hold, text))
}

fn read_points(item: &Item<'_>) -> Result<Vec<(Duration, u64)>, Error> {
    let items = item.list()?;
    if items.len() > MOST_POINTS {
        return Err(item.error(too_many(items.len())));
    }
    let mut points: Vec<(Duration, u64)> = Vec::with_capacity(items.len());
    for point in &items {
        let parts = match &point.node.value {
            Raw::List(_) => point.list()?,
            _ => Vec::new(),
        };
        let [time, rate] = parts.as_slice() else {
            return Err(point.error("expected time and rate such as [\"10s\", \"12k/s\"]"));
        };
        let (instant, rate) = (time.duration()?, rate.record_rate()?);
        match points.last() {
            None if !instant.is_zero() => return Err(time.error("the first time has to be \"0s\"")),
            Some((before, _)) if *before >= instant => {
                let before = format_duration(*before);
                return Err(time.error(format!("{} is not after {before}, the time before it", time.found())));
            }
            _ => points.push((instant, rate)),
        }
    }
    Ok(points)
}

fn too_many(points: usize) -> String {
    format!("has {points} points; at most {MOST_POINTS} are possible; thin them out")
}

/// A file of recorded rates that a plan names, to be read by who has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayFile {
    /// The path as written: relative to the plan's folder when it stands in the plan ([`Origin::Line`]), to the working
    /// folder when it was set on the command line.
    pub path: String,
    /// Where it was written.
    pub origin: Origin,
}

impl ReplayFile {
    /// The setting that stands for the file from now on, so that plan and overrides together need no file.
    ///
    /// `csv` has the lines `seconds,records_per_second`, with or without a line of names first. Times count from the
    /// first one, so that recordings may begin at any instant; they are rounded to nanoseconds and rates to millionths.
    /// An error names the file's line.
    pub fn points(&self, csv: &str) -> Result<Override, Error> {
        let error = |line: usize, message: String| Error {
            file: self.path.clone(),
            ..Error::at(Origin::Line(line), "", message)
        };
        let mut points: Vec<(Duration, u64)> = Vec::new();
        let mut zero = None;
        let lines = csv.strip_prefix('\u{feff}').unwrap_or(csv).lines().zip(1..);
        for (at, (text, line)) in lines.filter(|(text, _)| !text.trim().is_empty()).enumerate() {
            let cells: Vec<&str> = text.split(',').map(str::trim).collect();
            let numbers: Vec<f64> = cells.iter().filter_map(|cell| cell.parse().ok()).collect();
            let [seconds, rate] = numbers.as_slice() else {
                if at == 0 && cells.len() == 2 && numbers.is_empty() {
                    continue;
                }
                let found = units::quoted(text);
                return Err(error(
                    line,
                    format!("expected seconds and records a second such as 10,12000, found {found}"),
                ));
            };
            if cells.len() != 2 {
                return Err(error(line, format!("expected two columns, found {}", cells.len())));
            }
            if !(0.0..=RecordRate::HIGHEST).contains(rate) {
                return Err(error(
                    line,
                    format!("{rate} is no rate from 0 to 10^9 records a second"),
                ));
            }
            let since = seconds - *zero.get_or_insert(*seconds);
            let Ok(instant) = Duration::try_from_secs_f64(since) else {
                return Err(error(line, format!("{seconds} is no time after the first one")));
            };
            if points.last().is_some_and(|(before, _)| *before >= instant) {
                return Err(error(line, format!("{seconds} is not after the time before it")));
            }
            if points.len() == MOST_POINTS {
                return Err(error(
                    line,
                    format!("is point {}; at most {MOST_POINTS} are possible", MOST_POINTS + 1),
                ));
            }
            points.push((instant, (rate * 1e6).round() as u64));
        }
        if points.is_empty() {
            return Err(Error {
                file: self.path.clone(),
                ..Error::at(
                    Origin::File,
                    "",
                    "holds no rates; expected lines of seconds,records_per_second",
                )
            });
        }
        let point = |(instant, rate): &(Duration, u64)| {
            format!("[\"{}\",\"{}\"]", format_duration(*instant), format_record_rate(*rate))
        };
        let points: Vec<String> = points.iter().map(point).collect();
        Override::parse(&format!("{POINTS}=[{}]", points.join(",")))
    }
}

impl Plan {
    /// The file that a plan's replay takes its rates from; `None` where there is none or its points are set already.
    pub fn replay_file(file_name: &str, text: &str, overrides: &[Override]) -> Result<Option<ReplayFile>, Error> {
        let find = || {
            let mut root = tree::read(text)?;
            for setting in overrides {
                setting.apply(&mut root)?;
            }
            let inner = |table: &tree::Table, key: &str| match table.get(key).map(|node| &node.value) {
                Some(Raw::Table(inner)) => Some(inner.clone()),
                _ => None,
            };
            let profile = inner(&root, "workload").and_then(|workload| inner(&workload, "profile"));
            let Some(profile) = profile.filter(|profile| profile.get("points").is_none()) else {
                return Ok(None);
            };
            let Some(node) = profile.get("file") else {
                return Ok(None);
            };
            let item = Item::new(FILE, node);
            Ok(Some(ReplayFile {
                path: item.text()?.to_owned(),
                origin: item.origin(),
            }))
        };
        find().map_err(|error: Error| error.in_file(file_name))
    }

    /// Reads a plan that may take rates from a file: `read` gives the text of one. Beside the plan stand the overrides
    /// with which [`Self::parse`] reads the same plan without the file.
    pub fn parse_with(
        file_name: &str,
        text: &str,
        overrides: &[Override],
        read: &mut dyn FnMut(&ReplayFile) -> Result<String, String>,
    ) -> Result<(Self, Vec<Override>), Error> {
        let mut overrides = overrides.to_vec();
        if let Some(file) = Self::replay_file(file_name, text, &overrides)? {
            let csv = read(&file).map_err(|reason| {
                let message = format!("{} cannot be read: {reason}", units::quoted(&file.path));
                Error::at(file.origin.clone(), FILE, message).in_file(file_name)
            })?;
            overrides.push(file.points(&csv)?);
        }
        Ok((Self::parse(file_name, text, &overrides)?, overrides))
    }
}
