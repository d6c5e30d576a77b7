//! What factors do, metric by metric.

use tribunal_stats::comparison::{Contrast, Metric, Verdict};

use crate::analysis::{Analysis, FactorEffects, Group, Load, text};

use super::rows::{Row, Rows, Value};
use super::scale::Kind;
use super::{MOST_ROWS, Plot, at};

/// A plot for each group and metric of which effects are known.
pub(super) fn plots(analysis: &Analysis) -> Vec<Plot> {
    if analysis.comparisons == 0 {
        return Vec::new();
    }
    let mut plots = Vec::new();
    for group in &analysis.groups {
        let first = if group.load == Load::Saturated {
            Metric::DeliveredRate
        } else {
            Metric::ResponseP99
        };
        let mut effects: Vec<&FactorEffects> = group.effects.iter().collect();
        effects.sort_by_key(|effects| effects.main.metric != first);
        for effects in effects {
            plots.extend(plot(analysis, group, effects, plots.len() + 1));
        }
    }
    plots
}

fn plot(analysis: &Analysis, group: &Group, effects: &FactorEffects, number: usize) -> Option<Plot> {
    let mut rows: Vec<Row> = Vec::new();
    for effect in &effects.main.rows {
        let Some(contrast) = &effect.contrast else { continue };
        let name = format!(
            "{}={} against {}",
            effect.level.factor, effect.level.value, effect.against
        );
        rows.extend(row(name, contrast, 0));
    }
    let alone = rows.len();
    for interaction in &effects.interactions.rows {
        if matches!(interaction.contrast.verdict, Verdict::Better | Verdict::Worse) {
            let (first, second) = (&interaction.first, &interaction.second);
            let name = format!(
                "{}={} beside {}={}",
                first.factor, first.value, second.factor, second.value
            );
            rows.extend(row(name, &interaction.contrast, 1));
        }
    }
    rows.truncate(MOST_ROWS);
    if alone == 0 || rows.is_empty() {
        return None;
    }
    let metric = effects.main.metric;
    let title = format!(
        "What each level does to {}{}",
        text::metric(metric),
        at(analysis, group)
    );
    let description = format!(
        "Change of {} by each level against its factor's first one, with intervals of 95 %.",
        text::metric(metric)
    );
    let margin = analysis.rules.margin(metric);
    let interactions = rows.iter().any(|row| row.values.iter().any(|value| value.series == 1));
    let mut about = format!(
        "Change against the factor's first level, on average over the levels of the other factors, with intervals of 95 %; \
         {}. Within the shaded margin of {} a difference does not matter. The words are verdicts, which go by the deciding \
         intervals in the table.",
        match metric.direction() {
            tribunal_stats::comparison::Direction::LowerIsBetter => "further left is better",
            tribunal_stats::comparison::Direction::HigherIsBetter => "further right is better",
        },
        text::chosen(margin)
    );
    if interactions {
        about += " Interactions say by how much what one level does differs beside the other: factors that do not act alone.";
    }
    let axis = format!("change of {}, logarithmic", text::metric(metric));
    let plot = Rows {
        title: &title,
        description: &description,
        axis: &axis,
        kind: Kind::Log,
        lines: rows,
        against: Some((1.0, 1.0 / (1.0 + margin), 1.0 + margin)),
        legend: if interactions {
            vec![(0, "level on average"), (1, "interaction")]
        } else {
            Vec::new()
        },
    };
    Some(Plot {
        name: format!("effects-{number}"),
        picture: plot.draw(text::change),
        title,
        about,
        choices: Vec::new(),
    })
}

fn row(name: String, contrast: &Contrast, series: usize) -> Option<Row> {
    Some(Row {
        name,
        values: vec![Value {
            series,
            at: contrast.ratio?,
            interval: contrast.interval.map(|interval| (interval.low, interval.high)),
            hollow: false,
            told: text::ratio(contrast)?,
        }],
        note: match series {
            0 => text::verdict(contrast.verdict),
            _ => "do not act alone",
        }
        .to_owned(),
        strong: matches!(contrast.verdict, Verdict::Better | Verdict::Worse),
    })
}
