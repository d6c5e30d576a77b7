//! What factors do, and what the platform did from block to block.

use tribunal_stats::comparison::{Drift, Verdict};

use crate::analysis::{Analysis, SeriesDrift, text};
use crate::format::{ABSENT, optional, plural, share};

use super::cells::{Align, Table, code, escape};
use super::comparison::{contrast_row, contrasts, heading};

/// Interactions that are told before the rest is only counted.
const SHOWN: usize = 5;

/// Blocks that are told one by one; the others are in `report.json`.
const BLOCKS: usize = 20;

/// What each level of a factor does on average over the others.
pub(super) fn factors(analysis: &Analysis) -> String {
    if analysis.comparisons == 0 || analysis.groups.iter().all(|group| group.effects.is_empty()) {
        return String::new();
    }
    let mut text = String::from(
        "### Factors\n\nWhat a level does against its factor's first one, on average over the levels of the other factors: \
         over pairs of cells that differ in nothing else. Holm's method goes over the levels of all factors, for each metric.\n\n",
    );
    for group in analysis.groups.iter().filter(|group| !group.effects.is_empty()) {
        text += &heading(analysis, group);
        let mut table = contrasts(&["metric", "level", "against", "pairs of cells"]);
        let mut interactions = Vec::new();
        for effects in &group.effects {
            for effect in &effects.main.rows {
                let Some(contrast) = &effect.contrast else {
                    continue;
                };
                let labels = [
                    text::metric(effects.main.metric).to_owned(),
                    code(&format!("{}={}", effect.level.factor, effect.level.value)),
                    code(&effect.against),
                    effect.matched.to_string(),
                ];
                table.row(contrast_row(labels, contrast));
            }
            let shown = effects
                .interactions
                .rows
                .iter()
                .filter(|interaction| matches!(interaction.contrast.verdict, Verdict::Better | Verdict::Worse));
            interactions.extend(shown.map(|interaction| {
                format!(
                    "- {}: what {} does differs by {} beside {}.\n",
                    text::metric(effects.main.metric),
                    code(&format!("{}={}", interaction.first.factor, interaction.first.value)),
                    text::ratio(&interaction.contrast).unwrap_or_else(|| ABSENT.to_owned()),
                    code(&format!("{}={}", interaction.second.factor, interaction.second.value)),
                )
            }));
        }
        text += &table.folded("effects");
        if !interactions.is_empty() {
            let more = interactions.len().saturating_sub(SHOWN);
            text += "Factors that do not act alone, so that the averages above hide something:\n\n";
            text += &interactions.iter().take(SHOWN).map(String::as_str).collect::<String>();
            if more > 0 {
                text += &format!("- and {more} more, in `report.json`\n");
            }
            text.push('\n');
        }
    }
    text
}

/// What happened from block to block, whatever the cell, and to the canary.
pub(super) fn drift(analysis: &Analysis) -> String {
    let mut table = Table::new([
        ("of", Align::Left),
        ("metric", Align::Left),
        ("first to last block [95 %]", Align::Right),
        ("notable", Align::Left),
        ("spread that is the block's", Align::Right),
        ("each block against their mean", Align::Left),
    ]);
    for series in &analysis.canary {
        table.row(row("canary", series));
    }
    for group in &analysis.groups {
        let load = escape(&text::under(&group.load));
        for series in &group.drift {
            table.row(row(&format!("cells {load}"), series));
        }
    }
    let table = table.folded("series");
    if table.is_empty() {
        return table;
    }
    "### Drift\n\nWhat the platform did from block to block. Comparisons are made within blocks, so that it is in none of \
     them; a notable drift says that the platform itself was not the same throughout.\n\n"
        .to_owned()
        + &table
}

fn row(of: &str, series: &SeriesDrift) -> Vec<String> {
    let drift = &series.drift;
    vec![
        of.to_owned(),
        text::metric(series.metric).to_owned(),
        optional(drift.change_over_all, |change| match &drift.interval {
            Some(interval) => format!("{} {}", text::change(change), text::changes(interval)),
            None => text::change(change),
        }),
        if drift.notable { "**yes**" } else { "no" }.to_owned(),
        optional(drift.share_between_blocks, share),
        blocks(drift),
    ]
}

fn blocks(drift: &Drift) -> String {
    let mut told: Vec<String> = drift
        .by_block
        .iter()
        .take(BLOCKS)
        .map(|block| text::change(block.ratio))
        .collect();
    if drift.by_block.len() > BLOCKS {
        let more = (drift.by_block.len() - BLOCKS) as u64;
        told.push(format!("and {} more", plural(more, "block")));
    }
    told.join(", ")
}
