//! `[objective]`: what *best* means, and what has to hold.

use super::Error;
use super::reader::{Item, Section, nearest, one_of};
use super::tree::{Entry, Node, Raw};
use crate::objective::{Condition, Figure, FigureUnit, Goal, Objective, Relation};
use crate::trial::RecordRate;
use crate::units::{self, OfferedRate};

/// Longest first, so that `<` is not found in `<=`.
const RELATIONS: [(&str, Relation); 5] = [
    ("<=", Relation::AtMost),
    (">=", Relation::AtLeast),
    ("==", Relation::Equal),
    ("<", Relation::Below),
    (">", Relation::Above),
];

pub(super) fn read(plan: &Section<'_>) -> Result<Option<Objective>, Error> {
    let Some(section) = plan.get("objective") else {
        return Ok(None);
    };
    let (mut objective, mut first_goal) = (Objective::default(), None);
    for Entry { key, node, origin } in &section.table()?.entries {
        let item = Item::new(format!("objective.{key}"), node);
        let goal: Option<fn(Figure) -> Goal> = match key.as_str() {
            "maximise" => Some(Goal::Maximise),
            "minimise" => Some(Goal::Minimise),
            _ => None,
        };
        if let Some(goal) = goal {
            if let Some(first) = first_goal.replace(key) {
                return Err(item.error(format!("is set beside objective.{first}; keep one of the two")));
            }
            objective.goal = Some(goal(item.choice(&Figure::ALL.map(|figure| (figure.name(), figure)))?));
            continue;
        }
        let Some(figure) = Figure::named(key) else {
            return Err(Error::at(origin.clone(), &item.key, unknown(key)));
        };
        objective.conditions.push(condition(figure, &item)?);
    }
    if objective == Objective::default() {
        let message = "names neither a goal nor a condition; write for example maximise = \"delivered_rate\" or \
                       response_p99 = \"<= 50ms\"";
        return Err(section.error(message));
    }
    Ok(Some(objective))
}

fn unknown(key: &str) -> String {
    let goals = ["maximise", "minimise"];
    let names = goals.into_iter().chain(Figure::ALL.into_iter().map(Figure::name));
    let spelling = key.strip_suffix("ize").map(|stem| format!("{stem}ise"));
    let near = goals.into_iter().find(|goal| spelling.as_deref() == Some(goal));
    near.or_else(|| nearest(key, names)).map_or_else(
        || format!("unknown figure; expected {}", one_of(&Figure::ALL.map(Figure::name))),
        |near| format!("unknown figure; did you mean {near:?}?"),
    )
}

fn condition(figure: Figure, item: &Item<'_>) -> Result<Condition, Error> {
    let Some(text) = item.scalar() else {
        let example = example(figure);
        return Err(item.error(format!(
            "expected a condition such as {example:?}, found {}",
            item.found()
        )));
    };
    let text = text.trim();
    let relation = RELATIONS
        .iter()
        .find_map(|(sign, relation)| Some((relation, text.strip_prefix(sign)?.trim())));
    let Some((relation, written)) = relation else {
        // What was meant, where the value can be read.
        let meant = value(figure, text, item).map_or_else(
            |_| example(figure),
            |value| {
                let sign = sign(figure, value);
                format!("{sign} {text}")
            },
        );
        let found = units::quoted(text);
        return Err(item.error(format!(
            "{found} says not how {figure} has to stand to it; write {meant:?}"
        )));
    };
    Ok(Condition {
        figure,
        relation: *relation,
        value: value(figure, written, item)?,
        text: text.to_owned(),
    })
}

/// The likely relation of a figure to a value.
fn sign(figure: Figure, value: f64) -> &'static str {
    match figure.unit() {
        FigureUnit::Rate | FigureUnit::ByteRate | FigureUnit::Share => ">=",
        FigureUnit::Count if value == 0.0 => "==",
        FigureUnit::Count | FigureUnit::Seconds => "<=",
    }
}

fn example(figure: Figure) -> String {
    let example = match figure.unit() {
        FigureUnit::Rate => ">= 45k/s",
        FigureUnit::ByteRate => ">= 100MB/s",
        FigureUnit::Seconds => "<= 50ms",
        FigureUnit::Share => ">= 99%",
        FigureUnit::Count => "== 0",
    };
    example.to_owned()
}

/// A value in the figure's unit.
fn value(figure: Figure, text: &str, item: &Item<'_>) -> Result<f64, Error> {
    let expected = |what: &str| {
        let text = units::quoted(text);
        item.error(format!("{text} is no value of {figure}; expected {what}"))
    };
    match figure.unit() {
        FigureUnit::Rate => units::parse_record_rate(text)
            .ok()
            .and_then(RecordRate::per_million_seconds)
            .map(RecordRate::as_per_second)
            .ok_or_else(|| expected("a rate in records such as \"45k/s\"")),
        FigureUnit::ByteRate => match text.parse() {
            Ok(OfferedRate::Bytes(bytes)) => Ok(bytes.get() as f64),
            _ => Err(expected("a rate in bytes such as \"100MB/s\"")),
        },
        FigureUnit::Seconds => units::parse_duration(text)
            .map(|duration| duration.as_secs_f64())
            .map_err(|error| item.error(error)),
        FigureUnit::Share => {
            let node = Node {
                value: if text.ends_with('%') {
                    Raw::Text(text.to_owned())
                } else {
                    Raw::Float(text.to_owned())
                },
                origin: item.origin(),
                verbatim: None,
            };
            Item::new(item.key.clone(), &node).share(0.0, 1.0)
        }
        FigureUnit::Count => text
            .replace('_', "")
            .parse::<u64>()
            .map(|count| count as f64)
            .map_err(|_| expected("a whole number such as \"0\"")),
    }
}
